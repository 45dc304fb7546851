// PostgreSQL 15's built-in types that clients may meet, with PostgreSQL's numbers.

#include "sql/pg_catalog/builtin_types.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace dashi::sql::pg_catalog {

namespace {

// number, name, bytes, by value, kind, category, preferred, element, array, functions in, out,
// receive, send and subscript, alignment, storage, collation
constexpr BuiltinType kTypes[] = {
    {16, "bool", 1, true, 'b', 'B', true, 0, 1000, 1242, 1243, 2436, 2437, 0, 'c', 'p', 0},
    {17, "bytea", -1, false, 'b', 'U', false, 0, 1001, 1244, 31, 2412, 2413, 0, 'i', 'x', 0},
    {18, "char", 1, true, 'b', 'Z', false, 0, 1002, 1245, 33, 2434, 2435, 0, 'c', 'p', 0},
    {19, "name", 64, false, 'b', 'S', false, 18, 1003, 34, 35, 2422, 2423, 6180, 'c', 'p', 950},
    {20, "int8", 8, true, 'b', 'N', false, 0, 1016, 460, 461, 2408, 2409, 0, 'd', 'p', 0},
    {21, "int2", 2, true, 'b', 'N', false, 0, 1005, 38, 39, 2404, 2405, 0, 's', 'p', 0},
    {22, "int2vector", -1, false, 'b', 'A', false, 21, 1006, 40, 41, 2410, 2411, 6179, 'i', 'p', 0},
    {23, "int4", 4, true, 'b', 'N', false, 0, 1007, 42, 43, 2406, 2407, 0, 'i', 'p', 0},
    {24, "regproc", 4, true, 'b', 'N', false, 0, 1008, 44, 45, 2444, 2445, 0, 'i', 'p', 0},
    {25, "text", -1, false, 'b', 'S', true, 0, 1009, 46, 47, 2414, 2415, 0, 'i', 'x', 100},
    {26, "oid", 4, true, 'b', 'N', true, 0, 1028, 1798, 1799, 2418, 2419, 0, 'i', 'p', 0},
    {27, "tid", 6, false, 'b', 'U', false, 0, 1010, 48, 49, 2438, 2439, 0, 's', 'p', 0},
    {28, "xid", 4, true, 'b', 'U', false, 0, 1011, 50, 51, 2440, 2441, 0, 'i', 'p', 0},
    {29, "cid", 4, true, 'b', 'U', false, 0, 1012, 52, 53, 2442, 2443, 0, 'i', 'p', 0},
    {30, "oidvector", -1, false, 'b', 'A', false, 26, 1013, 54, 55, 2420, 2421, 6179, 'i', 'p', 0},
    {114, "json", -1, false, 'b', 'U', false, 0, 199, 321, 322, 323, 324, 0, 'i', 'x', 0},
    {142, "xml", -1, false, 'b', 'U', false, 0, 143, 2893, 2894, 2898, 2899, 0, 'i', 'x', 0},
    {194, "pg_node_tree", -1, false, 'b', 'Z', false, 0, 0, 195, 196, 197, 198, 0, 'i', 'x', 100},
    {199, "_json", -1, false, 'b', 'A', false, 114, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {600, "point", 16, false, 'b', 'G', false, 701, 1017, 117, 118, 2428, 2429, 6180, 'd', 'p', 0},
    {650, "cidr", -1, false, 'b', 'I', false, 0, 651, 1267, 1427, 2498, 2499, 0, 'i', 'm', 0},
    {700, "float4", 4, true, 'b', 'N', false, 0, 1021, 200, 201, 2424, 2425, 0, 'i', 'p', 0},
    {701, "float8", 8, true, 'b', 'N', true, 0, 1022, 214, 215, 2426, 2427, 0, 'd', 'p', 0},
    {705, "unknown", -2, false, 'p', 'X', false, 0, 0, 109, 110, 2416, 2417, 0, 'c', 'p', 0},
    {790, "money", 8, true, 'b', 'N', false, 0, 791, 886, 887, 2492, 2493, 0, 'd', 'p', 0},
    {829, "macaddr", 6, false, 'b', 'U', false, 0, 1040, 436, 437, 2494, 2495, 0, 'i', 'p', 0},
    {869, "inet", -1, false, 'b', 'I', true, 0, 1041, 910, 911, 2496, 2497, 0, 'i', 'm', 0},
    {1000, "_bool", -1, false, 'b', 'A', false, 16, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1001, "_bytea", -1, false, 'b', 'A', false, 17, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1002, "_char", -1, false, 'b', 'A', false, 18, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1003, "_name", -1, false, 'b', 'A', false, 19, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 950},
    {1005, "_int2", -1, false, 'b', 'A', false, 21, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1006, "_int2vector", -1, false, 'b', 'A', false, 22, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {1007, "_int4", -1, false, 'b', 'A', false, 23, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1008, "_regproc", -1, false, 'b', 'A', false, 24, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1009, "_text", -1, false, 'b', 'A', false, 25, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 100},
    {1011, "_xid", -1, false, 'b', 'A', false, 28, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1013, "_oidvector", -1, false, 'b', 'A', false, 30, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {1014, "_bpchar", -1, false, 'b', 'A', false, 1042, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     100},
    {1015, "_varchar", -1, false, 'b', 'A', false, 1043, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     100},
    {1016, "_int8", -1, false, 'b', 'A', false, 20, 0, 750, 751, 2400, 2401, 6179, 'd', 'x', 0},
    {1021, "_float4", -1, false, 'b', 'A', false, 700, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1022, "_float8", -1, false, 'b', 'A', false, 701, 0, 750, 751, 2400, 2401, 6179, 'd', 'x', 0},
    {1028, "_oid", -1, false, 'b', 'A', false, 26, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1033, "aclitem", 12, false, 'b', 'U', false, 0, 1034, 1031, 1032, 0, 0, 0, 'i', 'p', 0},
    {1034, "_aclitem", -1, false, 'b', 'A', false, 1033, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {1042, "bpchar", -1, false, 'b', 'S', false, 0, 1014, 1044, 1045, 2430, 2431, 0, 'i', 'x', 100},
    {1043, "varchar", -1, false, 'b', 'S', false, 0, 1015, 1046, 1047, 2432, 2433, 0, 'i', 'x',
     100},
    {1082, "date", 4, true, 'b', 'D', false, 0, 1182, 1084, 1085, 2468, 2469, 0, 'i', 'p', 0},
    {1083, "time", 8, true, 'b', 'D', false, 0, 1183, 1143, 1144, 2470, 2471, 0, 'd', 'p', 0},
    {1114, "timestamp", 8, true, 'b', 'D', false, 0, 1115, 1312, 1313, 2474, 2475, 0, 'd', 'p', 0},
    {1115, "_timestamp", -1, false, 'b', 'A', false, 1114, 0, 750, 751, 2400, 2401, 6179, 'd', 'x',
     0},
    {1182, "_date", -1, false, 'b', 'A', false, 1082, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {1183, "_time", -1, false, 'b', 'A', false, 1083, 0, 750, 751, 2400, 2401, 6179, 'd', 'x', 0},
    {1184, "timestamptz", 8, true, 'b', 'D', true, 0, 1185, 1150, 1151, 2476, 2477, 0, 'd', 'p', 0},
    {1185, "_timestamptz", -1, false, 'b', 'A', false, 1184, 0, 750, 751, 2400, 2401, 6179, 'd',
     'x', 0},
    {1186, "interval", 16, false, 'b', 'T', true, 0, 1187, 1160, 1161, 2478, 2479, 0, 'd', 'p', 0},
    {1187, "_interval", -1, false, 'b', 'A', false, 1186, 0, 750, 751, 2400, 2401, 6179, 'd', 'x',
     0},
    {1231, "_numeric", -1, false, 'b', 'A', false, 1700, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {1263, "_cstring", -1, false, 'b', 'A', false, 2275, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {1266, "timetz", 12, false, 'b', 'D', false, 0, 1270, 1350, 1351, 2472, 2473, 0, 'd', 'p', 0},
    {1270, "_timetz", -1, false, 'b', 'A', false, 1266, 0, 750, 751, 2400, 2401, 6179, 'd', 'x', 0},
    {1560, "bit", -1, false, 'b', 'V', false, 0, 1561, 1564, 1565, 2456, 2457, 0, 'i', 'x', 0},
    {1562, "varbit", -1, false, 'b', 'V', true, 0, 1563, 1579, 1580, 2458, 2459, 0, 'i', 'x', 0},
    {1700, "numeric", -1, false, 'b', 'N', false, 0, 1231, 1701, 1702, 2460, 2461, 0, 'i', 'm', 0},
    {1790, "refcursor", -1, false, 'b', 'U', false, 0, 2201, 46, 47, 2414, 2415, 0, 'i', 'x', 0},
    {2202, "regprocedure", 4, true, 'b', 'N', false, 0, 2207, 2212, 2213, 2446, 2447, 0, 'i', 'p',
     0},
    {2203, "regoper", 4, true, 'b', 'N', false, 0, 2208, 2214, 2215, 2448, 2449, 0, 'i', 'p', 0},
    {2205, "regclass", 4, true, 'b', 'N', false, 0, 2210, 2218, 2219, 2452, 2453, 0, 'i', 'p', 0},
    {2206, "regtype", 4, true, 'b', 'N', false, 0, 2211, 2220, 2221, 2454, 2455, 0, 'i', 'p', 0},
    {2210, "_regclass", -1, false, 'b', 'A', false, 2205, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {2211, "_regtype", -1, false, 'b', 'A', false, 2206, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    {2249, "record", -1, false, 'p', 'P', false, 0, 2287, 2290, 2291, 2402, 2403, 0, 'd', 'x', 0},
    {2275, "cstring", -2, false, 'p', 'P', false, 0, 1263, 2292, 2293, 2500, 2501, 0, 'c', 'p', 0},
    {2276, "any", 4, true, 'p', 'P', false, 0, 0, 2294, 2295, 0, 0, 0, 'i', 'p', 0},
    {2277, "anyarray", -1, false, 'p', 'P', false, 0, 0, 2296, 2297, 2502, 2503, 0, 'd', 'x', 0},
    {2278, "void", 4, true, 'p', 'P', false, 0, 0, 2298, 2299, 3120, 3121, 0, 'i', 'p', 0},
    {2279, "trigger", 4, true, 'p', 'P', false, 0, 0, 2300, 2301, 0, 0, 0, 'i', 'p', 0},
    {2287, "_record", -1, false, 'p', 'P', false, 2249, 0, 750, 751, 2400, 2401, 6179, 'd', 'x', 0},
    {2950, "uuid", 16, false, 'b', 'U', false, 0, 2951, 2952, 2953, 2961, 2962, 0, 'c', 'p', 0},
    {2951, "_uuid", -1, false, 'b', 'A', false, 2950, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {3614, "tsvector", -1, false, 'b', 'U', false, 0, 3643, 3610, 3611, 3639, 3638, 0, 'i', 'x', 0},
    {3615, "tsquery", -1, false, 'b', 'U', false, 0, 3645, 3612, 3613, 3641, 3640, 0, 'i', 'p', 0},
    {3734, "regconfig", 4, true, 'b', 'N', false, 0, 3735, 3736, 3737, 3738, 3739, 0, 'i', 'p', 0},
    {3802, "jsonb", -1, false, 'b', 'U', false, 0, 3807, 3806, 3804, 3805, 3803, 6098, 'i', 'x', 0},
    {3807, "_jsonb", -1, false, 'b', 'A', false, 3802, 0, 750, 751, 2400, 2401, 6179, 'i', 'x', 0},
    {4089, "regnamespace", 4, true, 'b', 'N', false, 0, 4090, 4084, 4085, 4087, 4088, 0, 'i', 'p',
     0},
    {4090, "_regnamespace", -1, false, 'b', 'A', false, 4089, 0, 750, 751, 2400, 2401, 6179, 'i',
     'x', 0},
    {4096, "regrole", 4, true, 'b', 'N', false, 0, 4097, 4098, 4092, 4094, 4095, 0, 'i', 'p', 0},
    {4097, "_regrole", -1, false, 'b', 'A', false, 4096, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
    // Of dashi's own: what clients of pgvector look for. Their values are texts, [1,2,3].
    {16384, "vector", -1, false, 'b', 'U', false, 0, 16385, 0, 0, 0, 0, 0, 'i', 'x', 0},
    {16385, "_vector", -1, false, 'b', 'A', false, 16384, 0, 750, 751, 2400, 2401, 6179, 'i', 'x',
     0},
};

constexpr BuiltinFunction kFunctions[] = {
    {3, "heap_tableam_handler"},
    {31, "byteaout"},
    {33, "charout"},
    {34, "namein"},
    {35, "nameout"},
    {38, "int2in"},
    {39, "int2out"},
    {40, "int2vectorin"},
    {41, "int2vectorout"},
    {42, "int4in"},
    {43, "int4out"},
    {44, "regprocin"},
    {45, "regprocout"},
    {46, "textin"},
    {47, "textout"},
    {48, "tidin"},
    {49, "tidout"},
    {50, "xidin"},
    {51, "xidout"},
    {52, "cidin"},
    {53, "cidout"},
    {54, "oidvectorin"},
    {55, "oidvectorout"},
    {109, "unknownin"},
    {110, "unknownout"},
    {117, "point_in"},
    {118, "point_out"},
    {195, "pg_node_tree_in"},
    {196, "pg_node_tree_out"},
    {197, "pg_node_tree_recv"},
    {198, "pg_node_tree_send"},
    {200, "float4in"},
    {201, "float4out"},
    {214, "float8in"},
    {215, "float8out"},
    {321, "json_in"},
    {322, "json_out"},
    {323, "json_recv"},
    {324, "json_send"},
    {330, "bthandler"},
    {436, "macaddr_in"},
    {437, "macaddr_out"},
    {460, "int8in"},
    {461, "int8out"},
    {750, "array_in"},
    {751, "array_out"},
    {886, "cash_in"},
    {887, "cash_out"},
    {910, "inet_in"},
    {911, "inet_out"},
    {1031, "aclitemin"},
    {1032, "aclitemout"},
    {1044, "bpcharin"},
    {1045, "bpcharout"},
    {1046, "varcharin"},
    {1047, "varcharout"},
    {1084, "date_in"},
    {1085, "date_out"},
    {1143, "time_in"},
    {1144, "time_out"},
    {1150, "timestamptz_in"},
    {1151, "timestamptz_out"},
    {1160, "interval_in"},
    {1161, "interval_out"},
    {1242, "boolin"},
    {1243, "boolout"},
    {1244, "byteain"},
    {1245, "charin"},
    {1267, "cidr_in"},
    {1312, "timestamp_in"},
    {1313, "timestamp_out"},
    {1350, "timetz_in"},
    {1351, "timetz_out"},
    {1427, "cidr_out"},
    {1564, "bit_in"},
    {1565, "bit_out"},
    {1579, "varbit_in"},
    {1580, "varbit_out"},
    {1701, "numeric_in"},
    {1702, "numeric_out"},
    {1798, "oidin"},
    {1799, "oidout"},
    {2212, "regprocedurein"},
    {2213, "regprocedureout"},
    {2214, "regoperin"},
    {2215, "regoperout"},
    {2218, "regclassin"},
    {2219, "regclassout"},
    {2220, "regtypein"},
    {2221, "regtypeout"},
    {2290, "record_in"},
    {2291, "record_out"},
    {2292, "cstring_in"},
    {2293, "cstring_out"},
    {2294, "any_in"},
    {2295, "any_out"},
    {2296, "anyarray_in"},
    {2297, "anyarray_out"},
    {2298, "void_in"},
    {2299, "void_out"},
    {2300, "trigger_in"},
    {2301, "trigger_out"},
    {2400, "array_recv"},
    {2401, "array_send"},
    {2402, "record_recv"},
    {2403, "record_send"},
    {2404, "int2recv"},
    {2405, "int2send"},
    {2406, "int4recv"},
    {2407, "int4send"},
    {2408, "int8recv"},
    {2409, "int8send"},
    {2410, "int2vectorrecv"},
    {2411, "int2vectorsend"},
    {2412, "bytearecv"},
    {2413, "byteasend"},
    {2414, "textrecv"},
    {2415, "textsend"},
    {2416, "unknownrecv"},
    {2417, "unknownsend"},
    {2418, "oidrecv"},
    {2419, "oidsend"},
    {2420, "oidvectorrecv"},
    {2421, "oidvectorsend"},
    {2422, "namerecv"},
    {2423, "namesend"},
    {2424, "float4recv"},
    {2425, "float4send"},
    {2426, "float8recv"},
    {2427, "float8send"},
    {2428, "point_recv"},
    {2429, "point_send"},
    {2430, "bpcharrecv"},
    {2431, "bpcharsend"},
    {2432, "varcharrecv"},
    {2433, "varcharsend"},
    {2434, "charrecv"},
    {2435, "charsend"},
    {2436, "boolrecv"},
    {2437, "boolsend"},
    {2438, "tidrecv"},
    {2439, "tidsend"},
    {2440, "xidrecv"},
    {2441, "xidsend"},
    {2442, "cidrecv"},
    {2443, "cidsend"},
    {2444, "regprocrecv"},
    {2445, "regprocsend"},
    {2446, "regprocedurerecv"},
    {2447, "regproceduresend"},
    {2448, "regoperrecv"},
    {2449, "regopersend"},
    {2452, "regclassrecv"},
    {2453, "regclasssend"},
    {2454, "regtyperecv"},
    {2455, "regtypesend"},
    {2456, "bit_recv"},
    {2457, "bit_send"},
    {2458, "varbit_recv"},
    {2459, "varbit_send"},
    {2460, "numeric_recv"},
    {2461, "numeric_send"},
    {2468, "date_recv"},
    {2469, "date_send"},
    {2470, "time_recv"},
    {2471, "time_send"},
    {2472, "timetz_recv"},
    {2473, "timetz_send"},
    {2474, "timestamp_recv"},
    {2475, "timestamp_send"},
    {2476, "timestamptz_recv"},
    {2477, "timestamptz_send"},
    {2478, "interval_recv"},
    {2479, "interval_send"},
    {2492, "cash_recv"},
    {2493, "cash_send"},
    {2494, "macaddr_recv"},
    {2495, "macaddr_send"},
    {2496, "inet_recv"},
    {2497, "inet_send"},
    {2498, "cidr_recv"},
    {2499, "cidr_send"},
    {2500, "cstring_recv"},
    {2501, "cstring_send"},
    {2502, "anyarray_recv"},
    {2503, "anyarray_send"},
    {2893, "xml_in"},
    {2894, "xml_out"},
    {2898, "xml_recv"},
    {2899, "xml_send"},
    {2952, "uuid_in"},
    {2953, "uuid_out"},
    {2961, "uuid_recv"},
    {2962, "uuid_send"},
    {3120, "void_recv"},
    {3121, "void_send"},
    {3610, "tsvectorin"},
    {3611, "tsvectorout"},
    {3612, "tsqueryin"},
    {3613, "tsqueryout"},
    {3638, "tsvectorsend"},
    {3639, "tsvectorrecv"},
    {3640, "tsquerysend"},
    {3641, "tsqueryrecv"},
    {3736, "regconfigin"},
    {3737, "regconfigout"},
    {3738, "regconfigrecv"},
    {3739, "regconfigsend"},
    {3803, "jsonb_send"},
    {3804, "jsonb_out"},
    {3805, "jsonb_recv"},
    {3806, "jsonb_in"},
    {4084, "regnamespacein"},
    {4085, "regnamespaceout"},
    {4087, "regnamespacerecv"},
    {4088, "regnamespacesend"},
    {4092, "regroleout"},
    {4094, "regrolerecv"},
    {4095, "regrolesend"},
    {4098, "regrolein"},
    {6098, "jsonb_subscript_handler"},
    {6179, "array_subscript_handler"},
    {6180, "raw_array_subscript_handler"},
};

}  // namespace

namespace {

struct SqlName {
  std::string_view sql;
  std::string_view name;
};

/// What SQL calls a type, where that is not its name; the first of a type is the one that is shown.
constexpr SqlName kSqlNames[] = {
    {"boolean", "bool"},
    {"smallint", "int2"},
    {"integer", "int4"},
    {"int", "int4"},
    {"bigint", "int8"},
    {"real", "float4"},
    {"double precision", "float8"},
    {"float", "float8"},
    {"numeric", "numeric"},
    {"decimal", "numeric"},
    {"character varying", "varchar"},
    {"character", "bpchar"},
    {"\"char\"", "char"},
    {"time without time zone", "time"},
    {"time with time zone", "timetz"},
    {"timestamp without time zone", "timestamp"},
    {"timestamp with time zone", "timestamptz"},
    {"bit varying", "varbit"},
};

std::string BaseName(const BuiltinType& type) {
  const auto* found = std::find_if(std::begin(kSqlNames), std::end(kSqlNames),
                                   [&](const SqlName& one) { return one.name == type.name; });
  return std::string(found == std::end(kSqlNames) ? std::string_view(type.name) : found->sql);
}

/// How the modifier of a type is written behind its name.
std::string ModifierText(const BuiltinType& type, std::int32_t modifier) {
  constexpr std::int32_t kHeader = 4;
  const std::string_view name = type.name;
  if (name == "varchar" || name == "bpchar") {
    return fmt::format("({})", modifier - kHeader);
  }
  if (name == "numeric") {
    const std::int32_t bits = modifier - kHeader;
    return fmt::format("({},{})", (bits >> 16) & 0xFFFF, bits & 0x7FF);
  }
  return "";
}

std::string Lower(std::string_view text) {
  std::string lower;
  for (const char c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space || (!lower.empty() && lower.back() != ' ')) {
      lower += space ? ' ' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
  }
  while (lower.ends_with(' ')) {
    lower.pop_back();
  }
  return lower;
}

}  // namespace

std::span<const BuiltinType> BuiltinTypes() { return kTypes; }
std::span<const BuiltinFunction> BuiltinFunctions() { return kFunctions; }

const BuiltinType* FindType(Oid oid) {
  const auto* found = std::lower_bound(std::begin(kTypes), std::end(kTypes), oid,
                                       [](const BuiltinType& a, Oid b) { return a.oid < b; });
  return found != std::end(kTypes) && found->oid == oid ? found : nullptr;
}

const BuiltinType* FindType(std::string_view written) {
  std::string name = Lower(written);
  const bool array = name.ends_with("[]");
  if (array) {
    name = Lower(name.substr(0, name.size() - 2));
  }
  const std::size_t open = name.find('(');
  const std::size_t close = name.find(')');
  if (open != std::string::npos && close != std::string::npos && open < close) {
    name = Lower(name.substr(0, open) + name.substr(close + 1));
  }
  const auto* sql = std::find_if(std::begin(kSqlNames), std::end(kSqlNames),
                                 [&](const SqlName& one) { return one.sql == name; });
  const std::string_view own = sql == std::end(kSqlNames) ? std::string_view(name) : sql->name;
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const BuiltinType& one) { return one.name == own; });
  if (type == std::end(kTypes)) {
    return nullptr;
  }
  return array ? FindType(type->array) : type;
}

std::string FormatType(Oid oid, std::optional<std::int32_t> modifier) {
  if (oid == 0) {
    return "-";
  }
  const BuiltinType* type = FindType(oid);
  if (type == nullptr) {
    return "???";
  }
  const BuiltinType* element = type->category == 'A' && type->length == -1 && type->name[0] == '_'
                                   ? FindType(type->element)
                                   : nullptr;
  const BuiltinType& named = element == nullptr ? *type : *element;
  const std::string shown =
      modifier && *modifier >= 0 ? ModifierText(named, *modifier) : std::string();
  // Padded text without a length is another type in SQL.
  const bool padded = std::string_view(named.name) == "bpchar" && shown.empty() && modifier;
  return (padded ? "bpchar" : BaseName(named)) + shown + (element == nullptr ? "" : "[]");
}

const char* FindFunctionName(Oid oid) {
  const auto* found = std::lower_bound(std::begin(kFunctions), std::end(kFunctions), oid,
                                       [](const BuiltinFunction& a, Oid b) { return a.oid < b; });
  return found != std::end(kFunctions) && found->oid == oid ? found->name : nullptr;
}

std::optional<Oid> FindFunctionOid(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                   [&](const BuiltinFunction& one) { return one.name == name; });
  return found == std::end(kFunctions) ? std::nullopt : std::optional(found->oid);
}

}  // namespace dashi::sql::pg_catalog
