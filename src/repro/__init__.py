"""Does hyperparameter tuning help when fine-tuning a pretrained language model?

Notebooks import what they need from the modules; importing the package itself loads nothing.
"""

__version__ = "0.1.0"
