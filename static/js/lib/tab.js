// The chat that this tab showed last: whoever comes back to the chats in it finds it again.

const KEY = "chat";

/** Remember a chat's id, or with none that a new one stood here. */
export function keepTabsChat(id) {
  if (id) sessionStorage.setItem(KEY, id);
  else sessionStorage.removeItem(KEY);
}

/** Let a link to the chats lead to the one that was open in this tab; the server knows whether it still exists. */
export function leadToTabsChat(link) {
  const id = sessionStorage.getItem(KEY);
  if (link && id) link.href = `/chat/?resume=${encodeURIComponent(id)}`;
}
