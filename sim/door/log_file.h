/* log_file.h - access logs from files, packed by gzip or not, or from standard input ("-"). */
#ifndef HEDGEROW_SIM_DOOR_LOG_FILE_H
#define HEDGEROW_SIM_DOOR_LOG_FILE_H

#include "sim/workload.h"

/* log_files_read returns the requests of one of |sample| objects of all |paths| (NULL behind the last one), owned.
 * Lines that are not understood are counted, and the first of each file shown on the error stream; NULL, with the
 * reason there: a file cannot be read, or nothing in it is understood, or there is no request in any. */
struct workload *log_files_read(const char *const paths[], uint64_t sample);

#endif
