import { useEffect, useState } from "preact/hooks";
import { live, useLiveStatus } from "./api/use-live";
import { Button } from "./ui/button";
import { Icon } from "./ui/icon";

/** Says so while the connection to the cloud is lost for more than a moment; it comes back by itself. */
export function ConnectionBanner() {
  const lost = useLiveStatus() === "lost";
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) {
      setShown(false);
      return;
    }
    const timer = window.setTimeout(() => setShown(true), 1000);
    const online = () => live.retryNow();
    window.addEventListener("online", online);
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener("online", online);
    };
  }, [lost]);
  return (
    <div role="status" aria-label="Connection">
      {lost && shown && (
        <div class="banner">
          <Icon name="offline" />
          <span>The connection to the cloud gateway is lost. What you see may be out of date; it is tried again by itself.</span>
          <Button size="small" onClick={() => live.retryNow()}>
            Try now
          </Button>
        </div>
      )}
    </div>
  );
}
