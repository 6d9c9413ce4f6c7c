// Tells admins whether WebSockets get through, and of an Ollama that answers, without making the page wait for it.
import * as api from "../lib/api.js";
import { $, el, fill } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { socketsGetThrough } from "../lib/socket.js";

const MODEL_NAMES = 4;

socketsGetThrough("/api/chat/ws").then((reached) => {
  $(reached ? "#sockets-fine" : "#sockets-missing").hidden = false;
});

try {
  const answer = await api.get("/api/llm/providers");
  const ollama = (answer.results ?? answer.providers ?? []).find((one) => (one.provider ?? one.id ?? one.name) === "ollama");
  if (ollama?.available) offer(ollama.models ?? []);
} catch {
  // only a hint: without it the page is complete
}

function offer(models) {
  const names = models.slice(0, MODEL_NAMES).join(", ") + (models.length > MODEL_NAMES ? ", …" : "");
  const hint = $("#ollama-hint");
  fill($("p", hint), el("strong", { text: "Ollama answers on this machine" }), models.length ? ` with ${count(models.length, "model")} (${names}). ` : ", but holds no model yet: run “ollama pull qwen3:8b”. ", el("a", { href: "/models/new?provider=ollama", text: "Create a model with it" }));
  hint.hidden = false;
}
