# Makes installers trust the certificates given for this build, else those of the image, else those that came with
# the installer.
# shellcheck shell=sh
for file in "${certificates:?}" /etc/ssl/certs/ca-certificates.crt "${bundle:?}"; do
  if [ -z "${SSL_CERT_FILE:-}" ] && [ -s "$file" ]; then
    export SSL_CERT_FILE="$file" REQUESTS_CA_BUNDLE="$file" CURL_CA_BUNDLE="$file" GIT_SSL_CAINFO="$file"
  fi
done
