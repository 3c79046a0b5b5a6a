# How a run begins and ends.
from proteinmtp.base import gpus, lifeline, space
from proteinmtp.base.lock import hold

# Jobs end with this process, however it ends.
lifeline.begin(Path(FOLDER))


# Two workflows that write into one folder would undo each other's work. The lock ends with this process, also if it is
# killed, so nobody has to unlock anything. What GPUs the nodes of a cluster have, their scheduler knows.
onstart:
    with one_line():
        workflow.results_lock = hold(Path(FOLDER))
        if workflow.local_exec:
            needed = [
                GPUS[job.rule.name](job.wildcards) for job in workflow.dag.needrun_jobs() if job.rule.name in GPUS
            ]
            if any(needed):
                gpus.check(max(needed), gpus.visible_gpus())


onsuccess:
    page = rules.report.output.html
    if Path(page).exists():
        logger.info(f"Report: {page}", extra={"report": page})


# On a disk that is full jobs cannot even write their logs.
onerror:
    logger.info(
        space.full(Path(FOLDER), Path(".snakemake"))
        or f"Something failed; the logs of the jobs are under {RESULTS}/logs. What is done is kept: start again to go on."
    )
