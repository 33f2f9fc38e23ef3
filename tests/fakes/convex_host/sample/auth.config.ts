const { service, clerk, clerkJwks } = JSON.parse(process.env.ZAPDEV_AUTH ?? "{}");
const applicationID = "convex";

export default {
  providers: [
    {
      type: "customJwt",
      issuer: "https://zapdev.app/service",
      applicationID,
      algorithm: "ES256",
      jwks: service,
    },
    { type: "customJwt", issuer: clerk, applicationID, algorithm: "RS256", jwks: clerkJwks },
    { domain: process.env.SAMPLE_OIDC, applicationID },
  ],
};
