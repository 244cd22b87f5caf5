import { Notice } from "../../components/Notice";

export default function Studio() {
  return <Notice>Going live from the browser is being built.</Notice>;
}
