/* SPDX-License-Identifier: Apache-2.0 */
#include "client/login.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include <sasl/sasl.h>

#include "base/limits.h"
#include "base/wipe.h"
#include "crypto/secret_memory.h"

enum { CALLBACKS = 4 };

struct login_account {
    enum login_mechanism mechanism;
    char *username;
    sasl_secret_t *password; /* in secret memory */
};

struct login {
    const struct login_account *account;
    sasl_conn_t *connection;
    sasl_callback_t callbacks[CALLBACKS];
    unsigned steps;
    bool over;
};

const char *login_mechanism_text(enum login_mechanism mechanism)
{
    static const char *const texts[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" };
    return texts[mechanism];
}

/* Accounts. */

signet_error login_account_new(enum login_mechanism mechanism, const char *username, struct slice password,
                               struct login_account **ret_account)
{
    struct login_account *account = calloc(1, sizeof *account);
    if (!account) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    account->mechanism = mechanism;
    account->username = strdup(username);
    /* Secret memory ends at a guard page: only of such a size does it begin where a structure may. */
    size_t size = sizeof *account->password + password.size;
    account->password = secret_memory_new(size + _Alignof(sasl_secret_t) - size % _Alignof(sasl_secret_t));
    if (!account->username || !account->password) {
        login_account_free(account);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    account->password->len = password.size;
    memcpy(account->password->data, password.data, password.size);
    *ret_account = account;
    return SIGNET_OK;
}

enum login_mechanism login_account_mechanism(const struct login_account *account)
{
    return account->mechanism;
}

void login_account_free(struct login_account *account)
{
    if (account) {
        secret_memory_free(account->password);
        free(account->username);
        free(account);
    }
}

/* The library's memory: tokens with the password in them, and keys made of it. */

static void release(void *memory)
{
    if (memory) {
        wipe(memory, malloc_usable_size(memory));
        free(memory);
    }
}

static void *resize(void *memory, size_t size)
{
    void *larger = malloc(size);
    if (larger && memory) {
        size_t before = malloc_usable_size(memory);
        memcpy(larger, memory, before < size ? before : size);
        release(memory);
    }
    return larger;
}

/* Only what is used here: the folder has more, and each would run beside our keys. */
static int choose_plugin(void *context, const char *file, sasl_verify_type_t type)
{
    (void)context;
    const char *slash = strrchr(file, '/');
    struct slice name = slice_of_text(slash ? slash + 1 : file);
    bool ours = slice_starts_with(name, "libplain.") || slice_starts_with(name, "libscram.");
    return type != SASL_VRFY_PLUGIN || ours ? SASL_OK : SASL_CONTINUE;
}

/* Without this one it writes to the system's log. */
static int keep_quiet(void *context, int level, const char *message)
{
    (void)context;
    (void)level;
    (void)message;
    return SASL_OK;
}

/* The library has one type for all callbacks. */
typedef int any_callback(void);

static any_callback *as_any(void (*callback)(void))
{
    return (any_callback *)callback;
}

#define CALLBACK(function) as_any((void (*)(void))(function))

static bool started;

static void start_once(void)
{
    static sasl_callback_t callbacks[3];
    callbacks[0] = (sasl_callback_t){ SASL_CB_LOG, CALLBACK(keep_quiet), NULL };
    callbacks[1] = (sasl_callback_t){ SASL_CB_VERIFYFILE, CALLBACK(choose_plugin), NULL };
    callbacks[2] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
    sasl_set_alloc(malloc, calloc, resize, release);
    started = sasl_client_init(callbacks) == SASL_OK;
}

static bool start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_once);
    return started;
}

/* Conversations. */

static int tell_name(void *context, int id, const char **ret_name, unsigned *ret_size)
{
    const struct login *login = context;
    /* As oneself: brokers refuse to act for another user. */
    *ret_name = id == SASL_CB_AUTHNAME ? login->account->username : "";
    if (ret_size) {
        *ret_size = (unsigned)strlen(*ret_name);
    }
    return SASL_OK;
}

static int tell_password(sasl_conn_t *connection, void *context, int id, sasl_secret_t **ret_password)
{
    (void)connection;
    (void)id;
    const struct login *login = context;
    *ret_password = login->account->password;
    return SASL_OK;
}

/* No layer of its own under Kafka's frames.  SCRAM must prove both sides, and is no other mechanism. */
static sasl_security_properties_t demands(enum login_mechanism mechanism)
{
    return (sasl_security_properties_t){
        .security_flags =
            SASL_SEC_NOANONYMOUS | (mechanism == LOGIN_PLAIN ? 0 : SASL_SEC_NOPLAINTEXT | SASL_SEC_MUTUAL_AUTH),
    };
}

signet_error login_new(struct login_account *account, const char *host, struct login **ret_login)
{
    struct login *login = calloc(1, sizeof *login);
    if (!login) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    sasl_security_properties_t properties = demands(account->mechanism);
    login->account = account;
    login->callbacks[0] = (sasl_callback_t){ SASL_CB_USER, CALLBACK(tell_name), login };
    login->callbacks[1] = (sasl_callback_t){ SASL_CB_AUTHNAME, CALLBACK(tell_name), login };
    login->callbacks[2] = (sasl_callback_t){ SASL_CB_PASS, CALLBACK(tell_password), login };
    login->callbacks[3] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
    if (!start() ||
        sasl_client_new("kafka", host, NULL, NULL, login->callbacks, SASL_SUCCESS_DATA, &login->connection) !=
            SASL_OK ||
        sasl_setprop(login->connection, SASL_SEC_PROPS, &properties) != SASL_OK) {
        login_free(login);
        return SIGNET_ERROR_CRYPTO;
    }
    *ret_login = login;
    return SIGNET_OK;
}

static signet_error error_of(int result)
{
    switch (result) {
    case SASL_OK:
    case SASL_CONTINUE:
        return SIGNET_OK;
    case SASL_NOMEM:
        return SIGNET_ERROR_OUT_OF_MEMORY;
    case SASL_NOMECH:
        return SIGNET_ERROR_UNSUPPORTED;
    case SASL_BADSERV:
    case SASL_BADAUTH:
    case SASL_BADMAC:
        return SIGNET_ERROR_REFUSED;
    default:
        return SIGNET_ERROR_PROTOCOL;
    }
}

/* In the broker's first word (RFC 5802, section 5.1); the library would take too few. */
static bool iterations_fit(struct slice token)
{
    static const char mark[] = ",i=";
    uint64_t count = 0;
    const uint8_t *end = token.data + token.size, *at = memmem(token.data, token.size, mark, strlen(mark));
    for (at = at ? at + strlen(mark) : end; at < end && *at >= '0' && *at <= '9' && count <= SCRAM_ITERATIONS_MAX;
         at++) {
        count = count * 10 + (uint64_t)(*at - '0');
    }
    return count >= SCRAM_ITERATIONS_MIN && count <= SCRAM_ITERATIONS_MAX;
}

static int advance(struct login *login, struct slice token, const char **said, unsigned *size)
{
    const char *chosen = NULL;
    return login->steps > 0
               ? sasl_client_step(login->connection, (const char *)token.data, (unsigned)token.size, NULL, said, size)
               : sasl_client_start(login->connection, login_mechanism_text(login->account->mechanism), NULL, said, size,
                                   &chosen);
}

signet_error login_step(struct login *login, struct slice token, struct slice *ret_token)
{
    const char *said = NULL;
    unsigned size = 0;
    if (login->over || token.size > INT_MAX) {
        return SIGNET_ERROR_PROTOCOL;
    }
    if (login->steps == 1 && !iterations_fit(token)) {
        return SIGNET_ERROR_LIMIT;
    }
    int result = advance(login, token, &said, &size);
    signet_error error = error_of(result);
    if (error) {
        return error;
    }
    login->steps++;
    login->over = result == SASL_OK;
    *ret_token = slice_of(said, said ? size : 0);
    return SIGNET_OK;
}

bool login_is_over(const struct login *login)
{
    return login->over;
}

void login_free(struct login *login)
{
    if (login) {
        sasl_dispose(&login->connection);
        free(login);
    }
}
