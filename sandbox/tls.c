/* tls: the handshake itself refuses, so that such a client gets no answer of HTTP at all. */
#include "sandbox/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>

static bool read_file(const char *folder, const char *name, struct text *out, struct err *e)
{
    char path[512], block[4096];
    size_t got;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return err_set(e, ERR_USAGE, "the path of %s is too long", name);
    FILE *file = fopen(path, "re");
    if (!file)
        return err_errno(e, ERR_USAGE, errno, "%s", path);
    out->max = TLS_FILE_MAX;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        text_add(out, block, got);
    bool good = !ferror(file) && !out->cut;
    fclose(file);
    return good || err_set(e, ERR_USAGE, "%s cannot be read, or has more than %d bytes", path, TLS_FILE_MAX);
}

bool tls_read(struct tls *tls, const char *folder, struct err *e)
{
    return read_file(folder, "server.pem", &tls->certificate, e) && read_file(folder, "server.key", &tls->key, e) &&
           read_file(folder, "ca.pem", &tls->trusted, e);
}

void tls_free(struct tls *tls)
{
    text_free(&tls->certificate);
    text_free(&tls->key);
    text_free(&tls->trusted);
}

void tls_demand_certificate(void *session)
{
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert(session, NULL, 0);
}
