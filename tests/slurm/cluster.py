"""A SLURM of two nodes on this machine, from Debian's packages, as long as it is needed.

`python -m tests.slurm.cluster COMMAND...` runs a command with it. Everything lies in a temporary folder but
/etc/slurm/slurm.conf, which jobs look for: SLURM_CONF is not handed to them. A file that is there already belongs to a
SLURM of this machine, and nothing is started then.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

NODES = ("n1", "n2")
CONF = Path("/etc/slurm/slurm.conf")
OURS = "# Of the tests of ProteinMTP; gone when they end.\n"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")


def missing() -> str:
    """Return why no cluster can be started here; an empty string if one can."""
    if os.getuid() != 0:
        return "SLURM is started by root alone"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)}: not installed; apt-get install slurm-wlm munge"
    if CONF.exists() and not CONF.read_text(encoding="utf-8").startswith(OURS):
        return f"{CONF} belongs to a SLURM of this machine"
    return ""


class Cluster:
    """The daemons of a cluster.

    Attributes:
        folder: with their logs.
    """

    def __init__(self, folder: Path, stack: ExitStack):
        self.folder = folder
        self._stack = stack
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start the controller, with its messages' seal, and both nodes."""
        munge = self.folder / "munge"
        places = [f"--{name}={munge / name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
        self._run(["munged", "--foreground", f"--key-file={munge / 'key'}", *places], user="munge")
        self._until((munge / "socket").exists, "munged made no socket")
        self._run(["slurmctld", "-D", "-i"])
        for node in NODES:
            (self.folder / node).mkdir()
            self._nodes[node] = self._run(["slurmd", "-D", "-N", node], log=node)
        self._until(lambda: _idle() == len(NODES), "the nodes are not up")

    def fail(self, node: str) -> None:
        """Kill all that runs on a node, as if its power went."""
        self._nodes[node].kill()
        self._nodes[node].wait()
        subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test"], check=True)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("SLURMD_NODENAME") == node:
                    process.kill()

    def restore(self, node: str) -> None:
        """Start a node that failed."""
        self._nodes[node] = self._run(["slurmd", "-D", "-N", node], log=node)
        subprocess.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], check=True)

    def _run(self, command: list[str], *, log: str = "", user: str | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{log or command[0]}.log").open("ab") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, user=user, group=user
            )
        self._stack.callback(_end, process)
        return process

    def _until(self, condition: Callable[[], bool], message: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))
                raise RuntimeError(f"{message}\n{logs}")
            time.sleep(0.2)


@contextmanager
def cluster(cpus: int) -> Iterator[Cluster]:
    """Run munged, slurmctld and two slurmd while the block runs.

    Parameters:
        cpus: of each node.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        munge = folder / "munge"
        munge.mkdir()
        (munge / "key").write_bytes(os.urandom(1024))
        (munge / "key").chmod(0o400)
        for path in (munge, munge / "key"):
            shutil.chown(path, "munge", "munge")
        CONF.parent.mkdir(exist_ok=True)
        CONF.write_text(OURS + configuration(folder, cpus), encoding="utf-8")
        stack.callback(CONF.unlink)
        running = Cluster(folder, stack)
        running.start()
        stack.callback(subprocess.run, ["scancel", "--user=root"])
        yield running


def configuration(folder: Path, cpus: int) -> str:
    """Return slurm.conf for two nodes on this machine."""
    host = socket.gethostname().split(".")[0]
    ports = _free_ports(1 + len(NODES))
    (folder / "state").mkdir()
    lines = [
        "ClusterName=tests",
        f"SlurmctldHost={host}(127.0.0.1)",
        f"SlurmctldPort={ports.pop()}",
        "SlurmUser=root",
        # A job that is requeued waits until the credential of its first start is void.
        f"AuthInfo=socket={folder / 'munge' / 'socket'},cred_expire=5",
        f"StateSaveLocation={folder / 'state'}",
        f"SlurmdSpoolDir={folder}/%n/spool",
        f"SlurmctldPidFile={folder / 'slurmctld.pid'}",
        f"SlurmdPidFile={folder}/%n/pid",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        "SlurmdParameters=config_overrides",
        "MpiDefault=none",
        "SchedulerParameters=sched_interval=2,bf_interval=2",
        "ReturnToService=2",
        "JobRequeue=1",
        "KillWait=10",
        "SlurmdTimeout=60",
        "MinJobAge=86400",
        *(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports.pop()} CPUs={cpus} RealMemory=200000"
            for node in NODES
        ),
        f"PartitionName=all Nodes={','.join(NODES)} Default=YES MaxTime=INFINITE State=UP",
    ]
    return "\n".join(lines) + "\n"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _idle() -> int:
    done = subprocess.run(["sinfo", "--noheader", "--Node", "--format=%T"], capture_output=True, text=True)
    return done.stdout.split().count("idle")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    if missing():
        sys.exit(missing())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an end that tidies up
    with cluster(cpus=4):
        sys.exit(subprocess.run(sys.argv[1:]).returncode)
