/** @type {import("next").NextConfig} */
const nextConfig = {
  // The app is one small project: no lock file above it decides where it begins.
  turbopack: { root: import.meta.dirname },
  // No image service: pictures are served as they are.
  images: { unoptimized: true },
  // The dev server also answers under the preview's address.
  allowedDevOrigins: ["127.0.0.1", "localhost", "*.e2b.app", "*.e2b.dev"],
  devIndicators: false,
  poweredByHeader: false,
};

export default nextConfig;
