import { Notice } from "../../components/Notice";

export default function Ops({ part }: { part: string }) {
  return <Notice>The operators’ pages are being built ({part || "overview"}).</Notice>;
}
