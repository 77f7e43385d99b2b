/* alarms.h - what an operator should look at: on or off, no history. Each is told once on stderr
 * when it comes, and stands in /status, /metrics and hedgerow status while it lasts. */
#ifndef HEDGEROW_CORE_ALARMS_H
#define HEDGEROW_CORE_ALARMS_H

#include <stdint.h>

/* X(name, text for people, with what to do) */
#define ALARMS(X)                                                                                                     \
    X(ring_shrunk, "the ring lost more than half of its members within a minute: look at the network, and at who is " \
                   "missing in hedgerow status")                                                                      \
    X(revoked, "this node was revoked by the mesh's authority, and no node talks to it: admit the host anew")         \
    X(authority_retired, "the authority that certified this node was retired: hedgerow mesh admit DIR --renew FILE, " \
                         "then SIGHUP")                                                                               \
    X(certificate_ends, "this node's certificate ends within 14 days: hedgerow mesh admit DIR --renew FILE, then "    \
                        "SIGHUP")                                                                                     \
    X(clock_wrong, "by this host's clock most members' certificates have run out: is the clock right?")               \
    X(roll_forked, "two rolls with one number were announced, and only one of them is in force: the authority's "     \
                   "directory was used in two copies; revoke again what hedgerow status does not list")               \
    X(unreached,                                                                                                      \
      "no member could connect to this node for 30 s, so it owns nothing: open its mesh port for TCP, or say "        \
      "where it is reached with --advertise")                                                                         \
    X(member_lies,                                                                                                    \
      "an admitted member's answers do not verify, or are not what the origin sends, and it is not asked "            \
      "for now: hedgerow status says who; mend or revoke it")                                                         \
    X(disk_failing,                                                                                                   \
      "the disk does not take what is to be cached there, or not as much as --disk says: the node goes on "           \
      "from memory and tries again; make room, or look at the disk (hedgerow status, the kernel's log)")              \
    X(config_superseded, "two changes of the configuration were made at once, and one of them is not in force: "      \
                         "hedgerow distribution versions says which; look at it, and apply it again if it is wanted") \
    X(config_refused,                                                                                                 \
      "the mesh has a configuration that this node cannot work by, and it goes on with the one before: "              \
      "hedgerow status says why; this software is older than who wrote it: renew it")                                 \
    X(config_operator_out,                                                                                            \
      "the operator who signed the configuration in force was revoked, and nodes that lack it do "                    \
      "not take it: apply it anew as another operator (hedgerow distribution rollback VERSION)")                      \
    X(not_kept, "the data directory cannot be written, and what this node has learnt is lost when it stops")

enum alarm {
#define X(name, text) ALARM_##name,
    ALARMS(X)
#undef X
        ALARMS_N
};

#define ALARM_BIT(name) (UINT32_C(1) << ALARM_##name)

const char *alarm_name(enum alarm a);
const char *alarm_text(enum alarm a);

#endif
