/** Foreign errors of the file system, translated once: "what is wrong; what to do". */

/** ENOENT, EACCES …; empty if the error has none */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function explainIoError(error: unknown, purpose: "read" | "write"): string {
  switch (errorCode(error)) {
    case "ENOENT":
      return "no such file; correct the path or make the file";
    case "ENOTDIR":
      return "no such file, for a part of its path is not a directory; correct the path";
    case "EACCES":
    case "EPERM":
      return `permission denied; let the user that runs relayd ${purpose === "read" ? "read" : "write to"} it`;
    case "EISDIR":
      return "is a directory; name a file";
    case "EFTYPE":
      return "is a device, a pipe or a socket; name a file";
    case "EFBIG":
      return "has more than 256 MiB; name the right file";
    case "EROFS":
      return "is on a read-only file system; choose another place";
    case "ENAMETOOLONG":
      return "the path is too long; choose a shorter one";
    default:
      return `cannot be ${purpose === "read" ? "read" : "written"} (${reason(error)}); see to that first`;
  }
}
