"""Running another program to its end."""

import subprocess

from deploy.local.demo.errors import CommandFailedError


def run(*command: str, stdin: str = "", namespace: str = "") -> str:
    """The command's output; in the named network namespace if one is given.

    Raises CommandFailedError with what the program complained of, or if it takes over 30 s.
    """
    if namespace:
        command = ("nsenter", f"--net=/run/netns/{namespace}", *command)
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            process_group=0,  # Ctrl-C is for us, not for what we are waiting for
        )
    except subprocess.CalledProcessError as failure:
        raise CommandFailedError(" ".join(command), failure.stderr) from failure
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise CommandFailedError(" ".join(command), str(failure)) from failure
    return done.stdout
