/* SPDX-License-Identifier: Apache-2.0 */
/* What curl's results mean as an errno. Private to this folder. */
#ifndef VERS3_SRC_NET_CURLERR_H
#define VERS3_SRC_NET_CURLERR_H

#include <curl/curl.h>

/* The -errno that http_perform() documents; 0 for CURLE_OK. */
int curlerr_errno(CURL *easy, CURLcode code);

#endif
