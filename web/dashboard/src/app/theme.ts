import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Card,
  Checkbox,
  InputWrapper,
  Modal,
  NavLink,
  Notification,
  Radio,
  Select,
  Switch,
  Table,
  Tabs,
  TextInput,
  Tooltip,
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from '@mantine/core';

/** River green-blue: links, the primary action, the chart. */
const tide: MantineColorsTuple = [
  ...(['#effaf8', '#d7f1ec', '#aee3da', '#7dcfc3', '#4fb6aa'] as const),
  ...(['#2f9c90', '#1f8177', '#186860', '#14524c', '#0f3f3b'] as const),
];
const red: MantineColorsTuple = [
  ...(['#fdf4f3', '#fbecea', '#f4bab6', '#f09a93', '#ec7f77'] as const),
  ...(['#df5047', '#d03a31', '#b42318', '#8f1d14', '#6d160f'] as const),
];
const yellow: MantineColorsTuple = [
  ...(['#fefaf0', '#fcf5e0', '#f6e3b0', '#f0cf7a', '#e3b04b'] as const),
  ...(['#c98f1f', '#a87210', '#8a5a00', '#6e4700', '#5c3b00'] as const),
];
const gray: MantineColorsTuple = [
  ...(['#f7f8f8', '#eff1f1', '#e4e7e7', '#d5d9da', '#b4bbbd', '#8b9598'] as const),
  ...(['#626c70', '#4b5559', '#343d40', '#1b2325'] as const),
];
const dark: MantineColorsTuple = [
  ...(['#dde3e4', '#b3bcbe', '#939da0', '#636e72', '#394246', '#2a3235'] as const),
  ...(['#1b2123', '#121718', '#0d1112', '#080b0c'] as const),
];

const sans =
  'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const mono =
  'ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** What a field says of itself stays readable in small fields too. */
const description = { fontSize: '0.75rem', lineHeight: 1.4 };

export const theme = createTheme({
  primaryColor: 'tide',
  primaryShade: { light: 7, dark: 6 },
  colors: { tide, red, yellow, gray, dark },
  white: '#ffffff',
  black: '#1b2325',
  fontFamily: sans,
  fontFamilyMonospace: mono,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.5' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '1.25rem', lineHeight: '1.35' },
      h2: { fontSize: '0.9375rem', lineHeight: '1.4' },
      h3: { fontSize: '0.875rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '10px', xl: '16px' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 'md' } }),
    Alert: Alert.extend({ defaultProps: { variant: 'light', radius: 'md' } }),
    Badge: Badge.extend({ defaultProps: { radius: 'sm', variant: 'light', tt: 'none', fw: 500 } }),
    Button: Button.extend({ defaultProps: { size: 'xs' }, styles: { label: { fontWeight: 550 } } }),
    Card: Card.extend({ defaultProps: { withBorder: true, padding: 'md', radius: 'lg' } }),
    Checkbox: Checkbox.extend({ styles: { description } }),
    InputWrapper: InputWrapper.extend({ styles: { label: { fontWeight: 500, marginBottom: 3 }, description } }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        closeButtonProps: { 'aria-label': 'Close' },
        transitionProps: { duration: 0 },
        radius: 'lg',
        overlayProps: { backgroundOpacity: 0.5, blur: 1 },
      },
      styles: { title: { fontWeight: 600, fontSize: '1rem' } },
    }),
    NavLink: NavLink.extend({ styles: { root: { borderRadius: 6, paddingBlock: 6 }, label: { fontWeight: 500 } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } }),
    Radio: Radio.extend({ styles: { description } }),
    Select: Select.extend({ defaultProps: { size: 'xs', allowDeselect: false } }),
    Switch: Switch.extend({ styles: { description } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 10, horizontalSpacing: 'md' } }),
    Tabs: Tabs.extend({
      defaultProps: { keepMounted: false },
      styles: {
        list: { flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' },
        tab: { flex: 'none', paddingInline: 12 },
      },
    }),
    TextInput: TextInput.extend({ defaultProps: { size: 'xs' } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, withArrow: true } }),
  },
});

/** Colours that say how something is doing, readable as text (4.5:1) on every surface of their scheme. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#fbfcfc',
    '--mantine-color-error': red[7],
    '--mantine-color-dimmed': gray[6],
    '--mantine-color-placeholder': gray[6],
    '--mantine-color-default-border': gray[2],
    '--mantine-color-anchor': tide[7],
    '--surface': '#ffffff',
    '--surface-sunken': gray[0],
    '--line': gray[2],
    '--tone-good': '#15704a',
    '--tone-busy': '#8a5a00',
    '--tone-bad': red[7],
    '--tone-quiet': gray[6],
    '--chart-good': tide[5],
    '--chart-bad': red[5],
  },
  dark: {
    '--mantine-color-body': dark[7],
    '--mantine-color-error': red[3],
    '--mantine-color-dimmed': dark[2],
    '--mantine-color-placeholder': dark[2],
    '--mantine-color-default-border': dark[5],
    '--mantine-color-anchor': tide[3],
    '--mantine-color-red-light': 'rgba(236, 127, 119, 0.12)',
    '--mantine-color-yellow-light': 'rgba(227, 176, 75, 0.12)',
    '--surface': '#161c1d',
    '--surface-sunken': dark[8],
    '--line': '#262e31',
    '--tone-good': '#5fd0a0',
    '--tone-busy': '#e3b04b',
    '--tone-bad': red[3],
    '--tone-quiet': dark[2],
    '--chart-good': tide[4],
    '--chart-bad': red[4],
  },
});
