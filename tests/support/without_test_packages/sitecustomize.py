"""Hides packages that only tests install, so that commands run with those that users have.

Keras imports scikit-learn if it finds it, which would cost each command a second.
"""

import sys

for name in ("sklearn", "cv2", "scipy", "joblib", "hypothesis", "pytest"):
    sys.modules[name] = None
