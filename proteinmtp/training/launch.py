"""`python -m proteinmtp.training.launch ... MODULE ARGUMENTS` starts a module by accelerate: the processes that train.

On one machine that is `accelerate launch`, with GPUs that no other job has. On several, `srun` starts this module once
on each node of the SLURM job, and each runs `accelerate launch` with its rank, the address of the first node as SLURM
knows it, and a port that was free there: the rendezvous itself is torchrun's.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence

from proteinmtp.base import lifeline, logs
from proteinmtp.base.errors import UserError, one_line
from proteinmtp.base.gpus import lease, visible_gpus

FINGERPRINT = "never"
"""See `proteinmtp.base.fingerprint`: what a run's number of processes changes is a setting of its own."""

HERE = "proteinmtp.training.launch"


def main() -> None:
    """Become what trains on this machine, or `srun`, which starts this module on each node."""
    lifeline.hold_on()
    logs.setup()
    asked = _parser().parse_args()
    with one_line():
        if asked.nodes > 1 and asked.port is None:
            command = on_each_node(nodes=asked.nodes, gpus=asked.gpus, port=_free_port(), arguments=sys.argv[1:])
            lifeline.hand_over()
        else:
            if asked.gpus:
                os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(lease(asked.gpus, visible_gpus()))
            rendezvous = [] if asked.port is None else rendezvous_of(asked.nodes, asked.port, _first_address())
            each = asked.gpus or asked.processes
            command = ["accelerate", "launch", "--quiet", "--config_file", asked.config_file]
            command += ["--num_processes", str(asked.nodes * each), *rendezvous, "-m", asked.module, *asked.arguments]
    os.execvp(command[0], command)


def on_each_node(*, nodes: int, gpus: int, port: int, arguments: Sequence[str]) -> list[str]:
    """Return the command that starts this module once on each node of the SLURM job.

    Parameters:
        nodes: of the job.
        gpus: on each.
        port: free on the first node, where SLURM starts the job.
        arguments: of this module.

    Raises:
        UserError: outside of a SLURM job.
    """
    if "SLURM_JOB_ID" not in os.environ:
        raise UserError(
            f"train.nodes or backbone.pretrain.nodes asks for {nodes} machines, which SLURM gives: start snakemake with"
            " --workflow-profile slurm, or set it to 1"
        )
    spread = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--cpu-bind=none"]
    if gpus:
        spread.append(f"--gres=gpu:{gpus}")
    return [*spread, "--kill-on-bad-exit=1", sys.executable, "-m", HERE, f"--port={port}", *arguments]


def rendezvous_of(nodes: int, port: int, address: str) -> list[str]:
    """Return what `accelerate launch` is told of the other nodes, where `srun` started this process.

    Ranks are those of the nodes in SLURM's order, so the chains of a step are shared out in the same way when the job
    is started again.

    Parameters:
        nodes: of the job.
        port: of the first node.
        address: of the first node.
    """
    rank = os.environ["SLURM_NODEID"]
    place = ["--main_process_ip", address, "--main_process_port", str(port), "--same_network"]
    return ["--num_machines", str(nodes), "--machine_rank", rank, *place]


def _first_address() -> str:
    """Return the address by which SLURM reaches the first node of this step."""
    hosts = _scontrol("show", "hostnames", os.environ["SLURM_STEP_NODELIST"])
    node = _scontrol("show", "node", hosts.split()[0], "--oneliner")
    found = re.search(r"\bNodeAddr=(\S+)", node)
    return found[1] if found else hosts.split()[0]


def _scontrol(*arguments: str) -> str:
    return subprocess.run(["scontrol", *arguments], check=True, capture_output=True, text=True).stdout


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("", 0))
        port: int = one.getsockname()[1]
        return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {HERE}", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config-file", required=True, help="what accelerate is told, in workflow/accelerate/")
    parser.add_argument("--nodes", type=int, default=1, help="machines")
    parser.add_argument("--processes", type=int, default=1, help="on each, where there are no GPUs")
    parser.add_argument("--gpus", type=int, default=0, help="on each, with a process for each")
    parser.add_argument("--port", type=int, help="of the first node; given where srun starts this on each")
    parser.add_argument("module", help="that is run in each process")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the module")
    return parser


if __name__ == "__main__":
    main()
