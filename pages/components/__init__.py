"""The parts pages share. Streamlit and Altair live only here and above."""
