import re
from pathlib import Path

from setuptools import setup

README = Path(__file__).with_name("README.md").read_text("utf-8")

# A package index shows the README without the repository, so links into it become plain text.
setup(long_description=re.sub(r"\[([^\]]+)\]\((?!https?://)[^)]*\)", r"\1", README))
