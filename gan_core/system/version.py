"""The version of this project: `gan_core.__version__`, for rooms that must not import all of it."""

VERSION = "0.2.0"
