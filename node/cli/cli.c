#include "node/cli/cli.h"

#include <stdio.h>

static const struct {
    const char *name; /* one word, or two */
    cli_command *run;
    const char *help;
} commands[] = {
    { "run", cli_run, "run a node" },
    { "check", cli_check, "say what is wrong with a configuration file" },
    { "reload", cli_reload, "make a running node read its file again" },
    { "status", cli_status, "show what a node and its mesh are doing" },
    { "purge", cli_purge, "make content go, at all nodes, and see that it has gone" },
    { "distribution apply", cli_distribution_apply, "add or change distributions, on all nodes of the mesh" },
    { "distribution delete", cli_distribution_delete, "take one away" },
    { "distribution list", cli_distribution_list, "which there are" },
    { "distribution show", cli_distribution_show, "print one, or all" },
    { "distribution diff", cli_distribution_diff, "what applying a file would change" },
    { "distribution versions", cli_distribution_versions, "the last versions, and who has which" },
    { "distribution rollback", cli_distribution_rollback, "make an old version hold again" },
    { "route", cli_route, "show which edge a viewer is sent to, and why" },
    { "prove", cli_prove, "show who fetched the bytes of a URL, and check it" },
    { "sign", cli_sign, "make signed URLs, signed cookies and tokens, keys for them, and check them" },
    { "drain", cli_drain, "send viewers and neighbours elsewhere, without leaving the mesh" },
    { "mesh init", cli_mesh_init, "make the authority of a new mesh" },
    { "mesh admit", cli_mesh_admit, "admit a node: writes the one file that it needs" },
    { "mesh revoke", cli_mesh_revoke, "make a node's keys void: writes the roll that says so" },
    { "mesh rotate", cli_mesh_rotate, "give the authority a new key, without an outage" },
    { "mesh retire", cli_mesh_retire, "take the authority's old keys off" },
    { "mesh announce", cli_mesh_announce, "hand a roll in at a running node: the whole mesh follows" },
    { "demo", cli_demo, "three nodes and an example origin on this machine, until Ctrl-C" },
};
#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

static void help(FILE *to)
{
    fprintf(to, "Hedgerow " HEDGEROW_VERSION ", a peer-to-peer edge cache mesh.\n\n"
                "Usage: hedgerow COMMAND [FLAGS]\n\n");
    for (size_t i = 0; i < COMMANDS_N; i++)
        fprintf(to, "  %-21s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n  hedgerow COMMAND --help   the command's flags\n"
                "  hedgerow --version        the version\n");
}

/* How many words of |argv| are the name of |command|, 0 when they are not. */
static int named(const char *command, int argc, char *const *argv)
{
    const char *space = strchr(command, ' ');

    if (space == NULL)
        return argc >= 1 && strcmp(argv[0], command) == 0 ? 1 : 0;
    size_t first = (size_t)(space - command);
    return argc >= 2 && strlen(argv[0]) == first && memcmp(argv[0], command, first) == 0 &&
                   strcmp(argv[1], space + 1) == 0
               ? 2
               : 0;
}

/* Is |word| the first of a two-word command? Then its parts are listed. */
static bool is_group(const char *word)
{
    for (size_t i = 0; i < COMMANDS_N; i++) {
        const char *space = strchr(commands[i].name, ' ');
        if (space != NULL && strlen(word) == (size_t)(space - commands[i].name) &&
            memcmp(word, commands[i].name, strlen(word)) == 0)
            return true;
    }
    return false;
}

static int group_help(const char *word, const char *rest)
{
    bool asked = rest != NULL && (strcmp(rest, "--help") == 0 || strcmp(rest, "-h") == 0);
    FILE *to = asked ? stdout : stderr;

    if (!asked && rest != NULL)
        cli_say(word, "there is no \"%s %s\". There is:", word, rest);
    else if (!asked)
        cli_say(word, "what is to be done? There is:");
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (strncmp(commands[i].name, word, strlen(word)) == 0 && commands[i].name[strlen(word)] == ' ')
            fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].help);
    }
    return asked ? CLI_OK : CLI_USAGE;
}

int cli_main(int argc, char *const *argv)
{
    if (argc < 2) {
        help(stderr);
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        help(stdout);
        return CLI_OK;
    }
    if (strcmp(word, "--version") == 0) {
        puts("hedgerow " HEDGEROW_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; i < COMMANDS_N; i++) {
        int words = named(commands[i].name, argc - 1, argv + 1);
        if (words != 0)
            return commands[i].run(argc - 1 - words, argv + 1 + words);
    }
    if (is_group(word))
        return group_help(word, argc > 2 ? argv[2] : NULL);
    const char *near = options_nearest(word, &commands[0].name, COMMANDS_N, sizeof(commands[0]));
    return cli_fail(CLI_USAGE, "", "unknown command \"%s\".%s%s%s See hedgerow --help.", word,
                    near != NULL ? " Did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"?" : "");
}
