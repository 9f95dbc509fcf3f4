# The app as one image: the web server, and the workers that it starts. docs/deploy.md says more.
#
#   docker build -t gan-lab .                           PyTorch for processors
#   docker build -t gan-lab --build-arg TORCH=cu126 .   PyTorch for NVIDIA GPUs, some 6 GB larger

ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS packages
# The folder of download.pytorch.org/whl from which PyTorch is taken.
ARG TORCH=cpu
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
COPY requirements.txt ./
# PyTorch first, and from there: the package of the same name on PyPI brings GPU libraries.
RUN python -m venv /opt/venv \
 && grep '^torch' requirements.txt > torch.txt \
 && pip install --no-cache-dir --index-url https://download.pytorch.org/whl/${TORCH} -r torch.txt \
 && pip install --no-cache-dir -r requirements.txt

FROM python:${PYTHON}-slim
# The one folder that must be writable: runs and downloads are in it. 1000 is the user whom Hugging
# Face's Spaces run everything as.
RUN useradd --uid 1000 --no-create-home --home-dir /data lab \
 && install -d -o lab -g lab /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY streamlit_app.py LICENSE NOTICE ./
COPY .streamlit .streamlit
COPY deploy/check_health.py deploy/
COPY gan_core gan_core
COPY pages pages
ENV PATH=/opt/venv/bin:$PATH
# Compiled once, since nothing can be written here later.
RUN python -m compileall -q gan_core pages
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/data \
    GAN_LAB_STORE=/data/runs \
    GAN_LAB_DATA=/data/downloads \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501
USER lab
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=6s --start-period=90s CMD ["python", "deploy/check_health.py"]
CMD ["python", "-m", "streamlit", "run", "streamlit_app.py"]
