/** The stamp of an assay office, served at `/-/web/icon.svg`. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M9 2h14l7 7v14l-7 7H9l-7-7V9z" fill="#8a5a00"/><path d="M16 7l7.5 18h-4.2l-1.5-4h-3.6l-1.5 4H8.500zm0 6.500L14.900 18h2.200z" fill="#fbfaf7"/></svg>
`;
