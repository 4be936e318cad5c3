/** The mark: a wherry under sail. Takes the colour of the text around it. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="currentColor" aria-hidden="true" focusable="false">
      <path d="M15 3.5c5.5 3.2 8.6 7.9 9.3 14H15z" />
      <path d="M13 8.5v9H7.3c.9-3.7 2.8-6.7 5.7-9z" opacity=".6" />
      <path d="M3 20h26c-1.2 4.2-3.9 6.7-8 7.5H10.5C6.6 26.7 4.1 24.2 3 20z" />
    </svg>
  );
}
