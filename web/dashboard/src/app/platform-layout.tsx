import { useSession } from '../modules/session/session';
import { NotFound } from '../pages/not-found';
import { Frame } from './frame';
import { PlatformNavigation } from './navigation';

/** The pages of the platform itself, for its operators; for everybody else there are none. */
export function PlatformLayout() {
  const { user } = useSession();
  return user.isOperator ? <Frame navigation={<PlatformNavigation />} /> : <NotFound />;
}
