// What a reader thinks of an answer: "Not helpful" asks for a few words first.
import * as api from "../lib/api.js";
import { askText } from "./dialog.js";
import { say } from "./toast.js";

/** @param {Answer} answer @param {"up"|"down"} rating */
export async function giveFeedback(answer, rating) {
  const body = { rating };
  if (rating === "down") {
    const help = "Administrators see your comment and which passages the answer was given, never your chat or your name.";
    const comment = await askText("What was wrong with it?", "Comment (optional)", { help, multiline: true, optional: true, yes: "Send", maxlength: 2000 });
    if (comment === null) return;
    body.comment = comment;
  }
  await api.post(`/api/chat/messages/${answer.id}/feedback`, body);
  answer.rated(rating);
  say("Thank you, it was noted.");
}
