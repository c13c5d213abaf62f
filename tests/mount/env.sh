# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# An environment in which only what the tests set is in force: no certificate
# store, proxy, profile or program of the machine's user reaches vers3 or a
# client.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
unset AWS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
unset REQUESTS_CA_BUNDLE AWS_PROFILE AWS_SESSION_TOKEN AWS_DEFAULT_PROFILE
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
