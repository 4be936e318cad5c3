/** A node handler that answers one word. */
export const handler = (word: string) =>
  `module.exports = async (event, context) => context.status(200).succeed('${word}');\n`;

/** A stack of that one function, which sleeps after so many seconds without calls. */
export const stackOf = (idleSeconds: number) => `version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: node
    handler: ./hello
    labels:
      com.openfaas.scale.zero-duration: ${idleSeconds}s
`;
