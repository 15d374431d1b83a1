/** The sign of AGATA. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#4a54d6" />
      <path d="M9.5 23 16 9l6.5 14M12 18.5h8" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" />
      <circle cx="16" cy="9" r="2.6" fill="#fff" />
    </svg>
  );
}
