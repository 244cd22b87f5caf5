// Drawn on a grid of 24 by 24, with a pen of 2.
const PATHS = {
  back: "M15 5l-7 7 7 7",
  camera: "M3 7h12v10H3zM15 11l6-3.500v9L15 13.500",
  "camera-off": "M7 7h8v6M15 11l6-3.500v9l-3-1.700M3 7v10h11.500M3 3l18 18",
  check: "M5 12.5l4.500 4.500L19 7.500",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  close: "M6 6l12 12M18 6L6 18",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5z",
  flag: "M6 21V4h11l-2 4 2 4H6",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  gift: "M4 11h16v9H4zM3 7.500h18V11H3zM12 7.500V20M12 7.500S11 3 8.500 3a2.200 2.200 0 0 0 0 4.500zM12 7.500S13 3 15.500 3a2.200 2.200 0 0 1 0 4.500z",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  loud: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM15.500 9a4 4 0 0 1 0 6M18 6.500a7.500 7.500 0 0 1 0 11",
  mic: "M12 3.500a3 3 0 0 1 3 3V11a3 3 0 0 1-6 0V6.500a3 3 0 0 1 3-3zM5.500 11a6.500 6.500 0 0 0 13 0M12 17.500V21",
  "mic-off": "M9 9v2a3 3 0 0 0 4.500 2.600M15 11V6.500a3 3 0 0 0-5.700-1.300M5.500 11a6.500 6.500 0 0 0 10.500 5.100M18 13.500a6.500 6.500 0 0 0 .5-2.500M12 17.500V21M3 3l18 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  mute: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500zM16 9.500l5 5M21 9.500l-5 5",
  pause: "M8 5v14M16 5v14",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  pip: "M3 5h18v14H3zM12 12h6.500v4.500H12z",
  play: "M7 4.500v15l12-7.500z",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
  record: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 10a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
  screen: "M3 4.500h18v12H3zM8 20.500h8M12 16.500v4",
  search: "M10.500 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13zM15.500 15.500L20 20",
  send: "M4 12l16-8-5 16-3.500-6.500z",
  stop: "M6 6h12v12H6z",
  smile: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM8 14s1.500 2.500 4 2.500 4-2.500 4-2.500M9 9.500h.01M15 9.500h.01",
} as const;

interface Props {
  name: keyof typeof PATHS;
  /** What it means; without, it is decoration. */
  label?: string;
}

export function Icon({ name, label }: Props) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
