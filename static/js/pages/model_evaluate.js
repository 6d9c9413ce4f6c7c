// A model's test questions and runs. The address says what is shown: the lists, `?run=`, or `?base=&other=`.
import { CompareView } from "../components/evaluation_compare.js";
import { Questions } from "../components/evaluation_questions.js";
import { RunView } from "../components/evaluation_run.js";
import { Runs } from "../components/evaluation_runs.js";
import { $, pageData } from "../lib/dom.js";

const data = pageData("page-data");
const home = $("#home");
const go = {
  back: () => to({}),
  open: (run) => to({ run }),
  compare: (base, other) => to({ base, other }),
};
const runs = new Runs(data, go);
const questions = new Questions(data, (total) => runs.ready(total));
const one = new RunView($("#run-view"), data.model_id, go.back);
const two = new CompareView($("#compare-view"), data.model_id, go);

function to(params) {
  const search = new URLSearchParams(params).toString();
  history.pushState({}, "", search ? `?${search}` : location.pathname);
  show();
  $("#main").focus({ preventScroll: true });
  scrollTo(0, 0);
}

const number = (params, name) => (/^\d{1,18}$/.test(params.get(name) ?? "") ? Number(params.get(name)) : 0);

function show() {
  const params = new URLSearchParams(location.search);
  const [run, base, other] = ["run", "base", "other"].map((name) => number(params, name));
  home.hidden = Boolean(run || (base && other));
  $("#run-view").hidden = !run;
  $("#compare-view").hidden = Boolean(run) || !(base && other);
  one.stop();
  runs.stop();
  if (home.hidden) $("#questions-loading")?.remove();
  if (run) one.show(run);
  else if (base && other) two.show(base, other);
  else {
    runs.load();
    questions.load();
  }
}

addEventListener("popstate", show);
show();
