"""Runs the emulator, and ends it (with its warm Lambda processes) when its owner is gone.

launch.py RUN_DIRECTORY [OWNER_PID]

RUN_DIRECTORY stands on the command line so that stopEmulator can recognise the process as ours before it ends it.
The owner check is the net under a runner that was killed before it could stop us: it removes that directory too.
"""

import os
import shutil
import signal
import sys
import threading
import time


def watch(owner: int) -> None:
    while True:
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            shutil.rmtree(sys.argv[1], ignore_errors=True)
            os.killpg(os.getpgrp(), signal.SIGKILL)
        except PermissionError:
            pass  # it exists, under another user
        time.sleep(1)


if len(sys.argv) > 2:
    threading.Thread(target=watch, args=(int(sys.argv[2]),), daemon=True).start()
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402  (after argv, which main parses)

main()
