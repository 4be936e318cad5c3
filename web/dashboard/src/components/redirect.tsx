import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';

/**
 * Goes on to another address, once. The router's own `Navigate` begins again with every render, and so never ends when
 * the place it goes to is still being loaded.
 */
export function Redirect({ to }: { to: string }) {
  const navigate = useNavigate();
  useEffect(() => {
    void navigate({ to, replace: true });
  }, [navigate, to]);
  return null;
}
