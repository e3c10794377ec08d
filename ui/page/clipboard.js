/** Copies a text, and hands files out. */
export async function copy(text) {
  await navigator.clipboard.writeText(text);
}

export function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
