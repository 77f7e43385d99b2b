/* config_model.h - the mesh's configuration in the world: changes of it are handed in at nodes, and what a node keeps
 * of them lies on its disk. Change n has a text that the world knows, so that whatever a node says is in force can be
 * held against it. The book knows who has handed in what, and judges that there is one version in the end, that none
 * which reached a disk is lost, and that who comes late has it before it is ready. */
#ifndef HEDGEROW_SIM_CONFIG_MODEL_H
#define HEDGEROW_SIM_CONFIG_MODEL_H

#include "sim/edge.h"

struct config_entry {
    struct config_version version;
    uint32_t caller;
    mesh_ns at, everywhere_at; /* handed in; in force at all nodes that live, NEVER: not yet, or others won */
    bool durable;              /* it lay on some disk */
};

struct config_book {
    struct config_entry *entries;
    size_t n, cap;
    uint64_t refused; /* nobody was there to take them */
    struct zpack *z;
};

struct config_book *config_book_new(void);
void config_book_free(struct config_book *b);

/* configs_draw adds sc->configs changes to the scenario's actions, some of them at two nodes at once. Before
 * fault_draw. */
void configs_draw(struct scenario *sc);

/* config_called: the next change is handed in at |e|. */
void config_called(struct edge *e);

/* config_fill gives |cfg| what |e|'s disk has, lent until engine_new is over, and the hooks by which the world looks
 * on. */
#define CONFIG_FILES_MAX 16
void config_fill(struct edge *e, struct engine_config *cfg, struct slice files[CONFIG_FILES_MAX]);

/* config_keep: |bytes| are on their way to |e|'s disk. config_stops: it ends; they get there, or (unless |orderly|)
 * perhaps not. config_forget: the disk is lost; config_fini: with the world. */
void config_keep(struct edge *e, struct slice bytes);
void config_stops(struct edge *e, bool orderly);
void config_forget(struct edge *e);

void config_sample(struct world *w);
bool config_settled(const struct world *w);
void config_end(struct world *w);

struct figures;
void config_figures(const struct world *w, struct figures *f);

#endif
