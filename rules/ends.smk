# How a run begins and ends.
import atexit
import logging
import signal

from proteinmtp.base import gpus, lifeline, space
from proteinmtp.base.lock import hold

# Jobs end with this process, however it ends; on a node of a cluster the scheduler ends them, with time to save.
lifeline.begin(Path(FOLDER))
if workflow.remote_exec:
    lifeline.hand_over()


# Two workflows that write into one folder would undo each other's work. The lock ends with this process, also if it is
# killed, so nobody has to unlock anything. What GPUs the nodes of a cluster have, their scheduler knows.
onstart:
    with one_line():
        workflow.results_lock = hold(Path(FOLDER))
        space.check(Path(FOLDER), Path(".snakemake"))
        taken = [GPUS[job.rule.name](job.wildcards) for job in workflow.dag.needrun_jobs() if job.rule.name in GPUS]
        needed, limit = max(taken, default=0), workflow.global_resources.get("gpu")
        if needed and workflow.local_exec:
            gpus.check(needed, gpus.visible_gpus())
        # Snakemake would ask the scheduler for no more than the limit.
        elif needed and limit is not None and limit.value < needed:
            raise UserError(
                f"a job takes {needed} GPUs, and a profile allows {limit.value}: on a cluster, start snakemake with"
                " --workflow-profile slurm, which stands in place of profiles/default"
            )
    # On a full disk a job cannot write its log, nor Snakemake what it notes and its own log, over which it would throw
    # a traceback for each line.
    atexit.register(space.warn, Path(FOLDER), Path(".snakemake"))
    logging.raiseExceptions = False
    # Snakemake's own handler waits for a lock that may be held by what it interrupts.
    lifeline.handle_beside(signal.SIGTERM)


onsuccess:
    page = rules.report.output.html
    if page.storage_object.exists() if page.is_storage else Path(page).exists():
        address = page.storage_object.query if page.is_storage else page
        logger.info(f"Report: {address}", extra={"report": address})


onerror:
    logger.info(
        f"Something failed; the logs of the jobs are under {FOLDER}/logs. What is done is kept: start again to go on."
    )
