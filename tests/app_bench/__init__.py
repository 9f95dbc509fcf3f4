"""The interface, measured: a server of its own, and visitors who speak to it as a browser does."""
