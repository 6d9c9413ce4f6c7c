"""`manage.py evaluate --model NAME`: ask a model's test questions, and say how well it did."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.evaluation import runner, runs, selectors
from chat.evaluation.report import as_table, compared_as_table, worse_as_lines
from chat.models import EvaluationRun, RunStatus
from collections_app.commands import WRONG_USE, named_actor, named_collection
from collections_app.models import AnswerMode
from config.errors import VerbatimError

NOT_ALL_WELL = 1


class Command(BaseCommand):
    """The work is done here, not by a worker; the run is stored and shown on the model's page."""

    help = (
        "Ask all test questions of a model and report recall@k, MRR, nDCG@10, refusals, citations and "
        "latency. Exit code: 0 done, 1 the run failed, 2 wrong use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", required=True, metavar="NAME|ID", help="whose questions are asked")
        parser.add_argument(
            "--compare", type=int, metavar="RUN", help="number of an earlier run to compare with"
        )
        parser.add_argument(
            "--top-k", type=int, metavar="N", help="passages per answer; else the model's own"
        )
        parser.add_argument(
            "--threshold", type=float, metavar="X", help="least similarity; else the model's own"
        )
        parser.add_argument("--mode", choices=AnswerMode.values, help="answer mode; else the model's own")
        parser.add_argument(
            "--answers", action="store_true", help="have the answers written and checked, too"
        )
        parser.add_argument("--label", default="", help="a name for the run")
        parser.add_argument("--as", dest="email", metavar="EMAIL", help="who asks; else the first superadmin")
        parser.add_argument("--json", action="store_true", help="one JSON object at the end, no lines")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = named_actor(options["email"])
        collection = named_collection(actor, options["model"])
        trial = runs.Trial(options["top_k"], options["threshold"], options["mode"], options["answers"])
        try:
            base = selectors.run_for(collection, options["compare"]) if options["compare"] else None
            run = runs.run_create(
                actor=actor, collection=collection, trial=trial, label=options["label"], ring_worker=False
            )
        except VerbatimError as error:
            raise CommandError(_words(error), returncode=WRONG_USE) from error
        try:
            runner.run_work(run_id=run.pk, seconds=None, tell=None if options["json"] else self._tell)
        except KeyboardInterrupt:
            runs.run_close(run_id=run.pk, status=RunStatus.CANCELLED)
            raise
        run.refresh_from_db()
        self._report(run, base, as_json=options["json"])
        if run.status != RunStatus.COMPLETED:
            raise CommandError(
                f"The run ended as {run.status}. {run.error_message} {run.error_next_step}".strip(),
                returncode=NOT_ALL_WELL,
            )

    def _tell(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done} of {total}", ending="" if done < total else "\n")

    def _report(self, run: EvaluationRun, base: EvaluationRun | None, *, as_json: bool) -> None:
        if as_json:
            told: dict[str, Any] = {"run": run.pk, "status": run.status, "metrics": run.metrics}
            if base is not None:
                pairs = selectors.compared(base, run)
                told |= {
                    "compared_with": base.pk,
                    "base_metrics": base.metrics,
                    "changes": selectors.counts(pairs),
                }
            self.stdout.write(json.dumps(told, ensure_ascii=False))
            return
        self.stdout.write(f"Run {run.pk}, {run.collection.name}:\n")
        if base is None:
            self.stdout.write(as_table(run))
            return
        self.stdout.write(compared_as_table(base, run))
        self.stdout.write(worse_as_lines(selectors.compared(base, run)))


def _words(error: VerbatimError) -> str:
    fields = [
        f"{name}: {' '.join(reasons)}" for name, reasons in error.details.items() if isinstance(reasons, list)
    ]
    return " ".join([error.message, *fields, error.next_step])
