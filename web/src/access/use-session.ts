import { useEffect, useState } from "preact/hooks";
import { refusal, session, type Role, type Standing } from "../api/session";

/** Who has signed in, if the cloud asks for that. */
export function useSession(): Standing {
  const [standing, setStanding] = useState(session.standing);
  useEffect(() => session.watch(setStanding), []);
  return standing;
}

/** Why what needs a role is refused to who has signed in; undefined if it is not. */
export const useRefusal = (wanted: Role): string | undefined => refusal(useSession(), wanted);
