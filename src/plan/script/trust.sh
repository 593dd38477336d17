# Makes installers trust the certificates given for this build, else those of the image, else those that came with
# the installer.
# shellcheck shell=sh
for _file in "${_certificates:?}" /etc/ssl/certs/ca-certificates.crt "${_bundle:?}"; do
  if [ -z "${SSL_CERT_FILE:-}" ] && [ -s "$_file" ]; then
    export SSL_CERT_FILE="$_file" REQUESTS_CA_BUNDLE="$_file" CURL_CA_BUNDLE="$_file" GIT_SSL_CAINFO="$_file"
  fi
done
