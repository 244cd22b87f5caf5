import "./spinner.css";

export function Spinner({ label }: { label: string }) {
  return (
    <div class="spinner" role="status">
      <span class="turning" aria-hidden="true" />
      <span>{label}…</span>
    </div>
  );
}
