// Asks central's API. What cannot be answered is an error whose message is half a sentence for people.

export async function ask(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } }).catch(() => {
    throw new Error("central does not answer");
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `central answered ${answer.status}`);
  return body;
}
