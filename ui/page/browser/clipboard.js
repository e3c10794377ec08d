/** Copies a text, and hands files out. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    // A browser that refuses this way may allow the older one, which copies what is selected.
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    if (!isCopied) throw error;
  }
}

export function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
