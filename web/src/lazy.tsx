import type { ComponentType, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorState, Skeleton } from "./ui/feedback";

/** A page that is loaded when it is first shown. Its chunk may be gone after an upgrade: then it offers a reload. */
export function lazyPage<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): (props: P) => VNode {
  let loaded: ComponentType<P> | undefined;
  return function LazyPage(props: P) {
    const [page, setPage] = useState<{ is: ComponentType<P> | undefined }>({ is: loaded });
    const [error, setError] = useState<unknown>();
    useEffect(() => {
      if (page.is) return;
      let here = true;
      load().then(
        (module) => {
          loaded = module.default;
          if (here) setPage({ is: loaded });
        },
        (e: unknown) => here && setError(e),
      );
      return () => {
        here = false;
      };
    }, [page.is]);
    if (page.is) return <page.is {...props} />;
    if (error !== undefined) {
      return <ErrorState title="This page could not be loaded" error="The console may have been upgraded since it was opened, or the cloud gateway cannot be reached." retry={() => location.reload()} />;
    }
    return (
      <div class="page">
        <Skeleton lines={5} />
      </div>
    );
  };
}
