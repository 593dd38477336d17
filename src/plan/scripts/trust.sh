# Certificates: those given for this build, else those of the image, else those that came with the installer.
for bundle in /tmp/imagespec/ca.crt /etc/ssl/certs/ca-certificates.crt /tmp/imagespec/ca-certificates.crt; do
  if [ -z "${SSL_CERT_FILE:-}" ] && [ -s "$bundle" ]; then
    export SSL_CERT_FILE="$bundle" REQUESTS_CA_BUNDLE="$bundle" CURL_CA_BUNDLE="$bundle" GIT_SSL_CAINFO="$bundle"
  fi
done
