// What PostgreSQL 15 has in the schemas pg_catalog and information_schema, as far as clients ask
// for it: names, numbers and columns are PostgreSQL's.

#include "sql/pg_catalog/system_relations.h"

namespace dashi::sql::pg_catalog {

namespace {

constexpr SystemRelation kRelations[] = {
    {kCatalogSchema, 2600, "pg_aggregate", 'r',
     "aggfnoid regproc, aggkind char, aggnumdirectargs int2, aggtransfn regproc, aggfinalfn "
     "regproc, aggcombinefn regproc, aggserialfn regproc, aggdeserialfn regproc, aggmtransfn "
     "regproc, aggminvtransfn regproc, aggmfinalfn regproc, aggfinalextra bool, aggmfinalextra "
     "bool, aggfinalmodify char, aggmfinalmodify char, aggsortop oid, aggtranstype oid, "
     "aggtransspace int4, aggmtranstype oid, aggmtransspace int4, agginitval text, aggminitval "
     "text"},
    {kCatalogSchema, 2601, "pg_am", 'r', "oid oid, amname name, amhandler regproc, amtype char"},
    {kCatalogSchema, 2604, "pg_attrdef", 'r',
     "oid oid, adrelid oid, adnum int2, adbin pg_node_tree"},
    {kCatalogSchema, 1249, "pg_attribute", 'r',
     "attrelid oid, attname name, atttypid oid, attstattarget int4, attlen int2, attnum int2, "
     "attndims int4, attcacheoff int4, atttypmod int4, attbyval bool, attalign char, "
     "attstorage char, attcompression char, attnotnull bool, atthasdef bool, atthasmissing "
     "bool, attidentity char, attgenerated char, attisdropped bool, attislocal bool, "
     "attinhcount int4, attcollation oid, attacl _aclitem, attoptions _text, attfdwoptions "
     "_text, attmissingval anyarray"},
    {kCatalogSchema, 1261, "pg_auth_members", 'r',
     "roleid oid, member oid, grantor oid, admin_option bool"},
    {kCatalogSchema, 12081, "pg_available_extensions", 'v',
     "name name, default_version text, installed_version text, comment text"},
    {kCatalogSchema, 2605, "pg_cast", 'r',
     "oid oid, castsource oid, casttarget oid, castfunc oid, castcontext char, castmethod char"},
    {kCatalogSchema, 1259, "pg_class", 'r',
     "oid oid, relname name, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam "
     "oid, relfilenode oid, reltablespace oid, relpages int4, reltuples float4, relallvisible "
     "int4, reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence char, "
     "relkind char, relnatts int2, relchecks int2, relhasrules bool, relhastriggers bool, "
     "relhassubclass bool, relrowsecurity bool, relforcerowsecurity bool, relispopulated bool, "
     "relreplident char, relispartition bool, relrewrite oid, relfrozenxid xid, relminmxid "
     "xid, relacl _aclitem, reloptions _text, relpartbound pg_node_tree"},
    {kCatalogSchema, 3456, "pg_collation", 'r',
     "oid oid, collname name, collnamespace oid, collowner oid, collprovider char, "
     "collisdeterministic bool, collencoding int4, collcollate text, collctype text, "
     "colliculocale text, collversion text"},
    {kCatalogSchema, 2606, "pg_constraint", 'r',
     "oid oid, conname name, connamespace oid, contype char, condeferrable bool, condeferred "
     "bool, convalidated bool, conrelid oid, contypid oid, conindid oid, conparentid oid, "
     "confrelid oid, confupdtype char, confdeltype char, confmatchtype char, conislocal bool, "
     "coninhcount int4, connoinherit bool, conkey _int2, confkey _int2, conpfeqop _oid, "
     "conppeqop _oid, conffeqop _oid, confdelsetcols _int2, conexclop _oid, conbin "
     "pg_node_tree"},
    {kCatalogSchema, 2607, "pg_conversion", 'r',
     "oid oid, conname name, connamespace oid, conowner oid, conforencoding int4, "
     "contoencoding int4, conproc regproc, condefault bool"},
    {kCatalogSchema, 1262, "pg_database", 'r',
     "oid oid, datname name, datdba oid, encoding int4, datlocprovider char, datistemplate "
     "bool, datallowconn bool, datconnlimit int4, datfrozenxid xid, datminmxid xid, "
     "dattablespace oid, datcollate text, datctype text, daticulocale text, datcollversion "
     "text, datacl _aclitem"},
    {kCatalogSchema, 2964, "pg_db_role_setting", 'r',
     "setdatabase oid, setrole oid, setconfig _text"},
    {kCatalogSchema, 826, "pg_default_acl", 'r',
     "oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype char, defaclacl _aclitem"},
    {kCatalogSchema, 2608, "pg_depend", 'r',
     "classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, "
     "deptype char"},
    {kCatalogSchema, 2609, "pg_description", 'r',
     "objoid oid, classoid oid, objsubid int4, description text"},
    {kCatalogSchema, 3501, "pg_enum", 'r',
     "oid oid, enumtypid oid, enumsortorder float4, enumlabel name"},
    {kCatalogSchema, 3466, "pg_event_trigger", 'r',
     "oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid, evtenabled char, "
     "evttags _text"},
    {kCatalogSchema, 3079, "pg_extension", 'r',
     "oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion "
     "text, extconfig _oid, extcondition _text"},
    {kCatalogSchema, 2328, "pg_foreign_data_wrapper", 'r',
     "oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl _aclitem, "
     "fdwoptions _text"},
    {kCatalogSchema, 1417, "pg_foreign_server", 'r',
     "oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl "
     "_aclitem, srvoptions _text"},
    {kCatalogSchema, 3118, "pg_foreign_table", 'r', "ftrelid oid, ftserver oid, ftoptions _text"},
    {kCatalogSchema, 2610, "pg_index", 'r',
     "indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool, "
     "indnullsnotdistinct bool, indisprimary bool, indisexclusion bool, indimmediate bool, "
     "indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive "
     "bool, indisreplident bool, indkey int2vector, indcollation oidvector, indclass "
     "oidvector, indoption int2vector, indexprs pg_node_tree, indpred pg_node_tree"},
    {kCatalogSchema, 12043, "pg_indexes", 'v',
     "schemaname name, tablename name, indexname name, tablespace name, indexdef text"},
    {kCatalogSchema, 2611, "pg_inherits", 'r',
     "inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool"},
    {kCatalogSchema, 2612, "pg_language", 'r',
     "oid oid, lanname name, lanowner oid, lanispl bool, lanpltrusted bool, lanplcallfoid oid, "
     "laninline oid, lanvalidator oid, lanacl _aclitem"},
    {kCatalogSchema, 2995, "pg_largeobject_metadata", 'r',
     "oid oid, lomowner oid, lomacl _aclitem"},
    {kCatalogSchema, 12038, "pg_matviews", 'v',
     "schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, "
     "ispopulated bool, definition text"},
    {kCatalogSchema, 2615, "pg_namespace", 'r',
     "oid oid, nspname name, nspowner oid, nspacl _aclitem"},
    {kCatalogSchema, 2616, "pg_opclass", 'r',
     "oid oid, opcmethod oid, opcname name, opcnamespace oid, opcowner oid, opcfamily oid, "
     "opcintype oid, opcdefault bool, opckeytype oid"},
    {kCatalogSchema, 2617, "pg_operator", 'r',
     "oid oid, oprname name, oprnamespace oid, oprowner oid, oprkind char, oprcanmerge bool, "
     "oprcanhash bool, oprleft oid, oprright oid, oprresult oid, oprcom oid, oprnegate oid, "
     "oprcode regproc, oprrest regproc, oprjoin regproc"},
    {kCatalogSchema, 3350, "pg_partitioned_table", 'r',
     "partrelid oid, partstrat char, partnatts int2, partdefid oid, partattrs int2vector, "
     "partclass oidvector, partcollation oidvector, partexprs pg_node_tree"},
    {kCatalogSchema, 3256, "pg_policy", 'r',
     "oid oid, polname name, polrelid oid, polcmd char, polpermissive bool, polroles _oid, "
     "polqual pg_node_tree, polwithcheck pg_node_tree"},
    {kCatalogSchema, 1255, "pg_proc", 'r',
     "oid oid, proname name, pronamespace oid, proowner oid, prolang oid, procost float4, "
     "prorows float4, provariadic oid, prosupport regproc, prokind char, prosecdef bool, "
     "proleakproof bool, proisstrict bool, proretset bool, provolatile char, proparallel char, "
     "pronargs int2, pronargdefaults int2, prorettype oid, proargtypes oidvector, "
     "proallargtypes _oid, proargmodes _char, proargnames _text, proargdefaults pg_node_tree, "
     "protrftypes _oid, prosrc text, probin text, prosqlbody pg_node_tree, proconfig _text, "
     "proacl _aclitem"},
    {kCatalogSchema, 6104, "pg_publication", 'r',
     "oid oid, pubname name, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, "
     "pubdelete bool, pubtruncate bool, pubviaroot bool"},
    {kCatalogSchema, 6237, "pg_publication_namespace", 'r', "oid oid, pnpubid oid, pnnspid oid"},
    {kCatalogSchema, 6106, "pg_publication_rel", 'r',
     "oid oid, prpubid oid, prrelid oid, prqual pg_node_tree, prattrs int2vector"},
    {kCatalogSchema, 3541, "pg_range", 'r',
     "rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid, "
     "rngcanonical regproc, rngsubdiff regproc"},
    {kCatalogSchema, 2618, "pg_rewrite", 'r',
     "oid oid, rulename name, ev_class oid, ev_type char, ev_enabled char, is_instead bool, "
     "ev_qual pg_node_tree, ev_action pg_node_tree"},
    {kCatalogSchema, 12000, "pg_roles", 'v',
     "rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, "
     "rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolpassword text, "
     "rolvaliduntil timestamptz, rolbypassrls bool, rolconfig _text, oid oid"},
    {kCatalogSchema, 12023, "pg_rules", 'v',
     "schemaname name, tablename name, rulename name, definition text"},
    {kCatalogSchema, 2224, "pg_sequence", 'r',
     "seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, "
     "seqcache int8, seqcycle bool"},
    {kCatalogSchema, 12048, "pg_sequences", 'v',
     "schemaname name, sequencename name, sequenceowner name, data_type regtype, start_value "
     "int8, min_value int8, max_value int8, increment_by int8, cycle bool, cache_size int8, "
     "last_value int8"},
    {kCatalogSchema, 12104, "pg_settings", 'v',
     "name text, setting text, unit text, category text, short_desc text, extra_desc text, "
     "context text, vartype text, source text, min_val text, max_val text, enumvals _text, "
     "boot_val text, reset_val text, sourcefile text, sourceline int4, pending_restart bool"},
    {kCatalogSchema, 2396, "pg_shdescription", 'r', "objoid oid, classoid oid, description text"},
    {kCatalogSchema, 12220, "pg_stat_activity", 'v',
     "datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, "
     "application_name text, client_addr text, client_hostname text, client_port int4, "
     "backend_start timestamptz, xact_start timestamptz, query_start timestamptz, "
     "state_change timestamptz, wait_event_type text, wait_event text, state text, "
     "backend_xid xid, backend_xmin xid, query_id int8, query text, backend_type text"},
    {kCatalogSchema, 3381, "pg_statistic_ext", 'r',
     "oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner oid, stxstattarget int4, "
     "stxkeys int2vector, stxkind _char, stxexprs pg_node_tree"},
    {kCatalogSchema, 6100, "pg_subscription", 'r',
     "oid oid, subdbid oid, subskiplsn pg_lsn, subname name, subowner oid, subenabled bool, "
     "subbinary bool, substream bool, subtwophasestate char, subdisableonerr bool, subconninfo "
     "text, subslotname name, subsynccommit text, subpublications _text"},
    {kCatalogSchema, 12033, "pg_tables", 'v',
     "schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, "
     "hasrules bool, hastriggers bool, rowsecurity bool"},
    {kCatalogSchema, 1213, "pg_tablespace", 'r',
     "oid oid, spcname name, spcowner oid, spcacl _aclitem, spcoptions _text"},
    {kCatalogSchema, 2620, "pg_trigger", 'r',
     "oid oid, tgrelid oid, tgparentid oid, tgname name, tgfoid oid, tgtype int2, tgenabled "
     "char, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint oid, "
     "tgdeferrable bool, tginitdeferred bool, tgnargs int2, tgattr int2vector, tgargs bytea, "
     "tgqual pg_node_tree, tgoldtable name, tgnewtable name"},
    {kCatalogSchema, 3602, "pg_ts_config", 'r',
     "oid oid, cfgname name, cfgnamespace oid, cfgowner oid, cfgparser oid"},
    {kCatalogSchema, 3600, "pg_ts_dict", 'r',
     "oid oid, dictname name, dictnamespace oid, dictowner oid, dicttemplate oid, "
     "dictinitoption text"},
    {kCatalogSchema, 1247, "pg_type", 'r',
     "oid oid, typname name, typnamespace oid, typowner oid, typlen int2, typbyval bool, "
     "typtype char, typcategory char, typispreferred bool, typisdefined bool, typdelim char, "
     "typrelid oid, typsubscript regproc, typelem oid, typarray oid, typinput regproc, "
     "typoutput regproc, typreceive regproc, typsend regproc, typmodin regproc, typmodout "
     "regproc, typanalyze regproc, typalign char, typstorage char, typnotnull bool, "
     "typbasetype oid, typtypmod int4, typndims int4, typcollation oid, typdefaultbin "
     "pg_node_tree, typdefault text, typacl _aclitem"},
    {kCatalogSchema, 12014, "pg_user", 'v',
     "usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls "
     "bool, passwd text, valuntil timestamptz, useconfig _text"},
    {kCatalogSchema, 12327, "pg_user_mappings", 'v',
     "umid oid, srvid oid, srvname name, umuser oid, usename name, umoptions _text"},
    {kCatalogSchema, 12028, "pg_views", 'v',
     "schemaname name, viewname name, viewowner name, definition text"},
    {kCatalogSchema, 2602, "pg_amop", 'r',
     "oid oid, amopfamily oid, amoplefttype oid, amoprighttype oid, amopstrategy int2, "
     "amoppurpose char, amopopr oid, amopmethod oid, amopsortfamily oid"},
    {kCatalogSchema, 2753, "pg_opfamily", 'r',
     "oid oid, opfmethod oid, opfname name, opfnamespace oid, opfowner oid"},
    {kCatalogSchema, 1214, "pg_shdepend", 'r',
     "dbid oid, classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, deptype "
     "char"},
    {kCatalogSchema, 3601, "pg_ts_parser", 'r',
     "oid oid, prsname name, prsnamespace oid, prsstart regproc, prstoken regproc, prsend "
     "regproc, prsheadline regproc, prslextype regproc"},
    {kCatalogSchema, 3764, "pg_ts_template", 'r',
     "oid oid, tmplname name, tmplnamespace oid, tmplinit regproc, tmpllexize regproc"},
    {kInformationSchema, 13250, "character_sets", 'v',
     "character_set_catalog name, character_set_schema name, character_set_name name, "
     "character_repertoire name, form_of_use name, default_collate_catalog name, "
     "default_collate_schema name, default_collate_name name"},
    {kInformationSchema, 13260, "check_constraints", 'v',
     "constraint_catalog name, constraint_schema name, constraint_name name, check_clause "
     "varchar"},
    {kInformationSchema, 13285, "column_privileges", 'v',
     "grantor name, grantee name, table_catalog name, table_schema name, table_name name, "
     "column_name name, privilege_type varchar, is_grantable varchar"},
    {kInformationSchema, 13295, "columns", 'v',
     "table_catalog name, table_schema name, table_name name, column_name name, "
     "ordinal_position int4, column_default varchar, is_nullable varchar, data_type varchar, "
     "character_maximum_length int4, character_octet_length int4, numeric_precision int4, "
     "numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type "
     "varchar, interval_precision int4, character_set_catalog name, character_set_schema name, "
     "character_set_name name, collation_catalog name, collation_schema name, collation_name "
     "name, domain_catalog name, domain_schema name, domain_name name, udt_catalog name, "
     "udt_schema name, udt_name name, scope_catalog name, scope_schema name, scope_name name, "
     "maximum_cardinality int4, dtd_identifier name, is_self_referencing varchar, is_identity "
     "varchar, identity_generation varchar, identity_start varchar, identity_increment "
     "varchar, identity_maximum varchar, identity_minimum varchar, identity_cycle varchar, "
     "is_generated varchar, generation_expression varchar, is_updatable varchar"},
    {kInformationSchema, 13300, "constraint_column_usage", 'v',
     "table_catalog name, table_schema name, table_name name, column_name name, "
     "constraint_catalog name, constraint_schema name, constraint_name name"},
    {kInformationSchema, 13305, "constraint_table_usage", 'v',
     "table_catalog name, table_schema name, table_name name, constraint_catalog name, "
     "constraint_schema name, constraint_name name"},
    {kInformationSchema, 13320, "domains", 'v',
     "domain_catalog name, domain_schema name, domain_name name, data_type varchar, "
     "character_maximum_length int4, character_octet_length int4, character_set_catalog name, "
     "character_set_schema name, character_set_name name, collation_catalog name, "
     "collation_schema name, collation_name name, numeric_precision int4, "
     "numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type "
     "varchar, interval_precision int4, domain_default varchar, udt_catalog name, udt_schema "
     "name, udt_name name, scope_catalog name, scope_schema name, scope_name name, "
     "maximum_cardinality int4, dtd_identifier name"},
    {kInformationSchema, 13227, "information_schema_catalog_name", 'v', "catalog_name name"},
    {kInformationSchema, 13329, "key_column_usage", 'v',
     "constraint_catalog name, constraint_schema name, constraint_name name, table_catalog "
     "name, table_schema name, table_name name, column_name name, ordinal_position int4, "
     "position_in_unique_constraint int4"},
    {kInformationSchema, 13334, "parameters", 'v',
     "specific_catalog name, specific_schema name, specific_name name, ordinal_position int4, "
     "parameter_mode varchar, is_result varchar, as_locator varchar, parameter_name name, "
     "data_type varchar, character_maximum_length int4, character_octet_length int4, "
     "character_set_catalog name, character_set_schema name, character_set_name name, "
     "collation_catalog name, collation_schema name, collation_name name, numeric_precision "
     "int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, "
     "interval_type varchar, interval_precision int4, udt_catalog name, udt_schema name, "
     "udt_name name, scope_catalog name, scope_schema name, scope_name name, "
     "maximum_cardinality int4, dtd_identifier name, parameter_default varchar"},
    {kInformationSchema, 13339, "referential_constraints", 'v',
     "constraint_catalog name, constraint_schema name, constraint_name name, "
     "unique_constraint_catalog name, unique_constraint_schema name, unique_constraint_name "
     "name, match_option varchar, update_rule varchar, delete_rule varchar"},
    {kInformationSchema, 13377, "routines", 'v',
     "specific_catalog name, specific_schema name, specific_name name, routine_catalog name, "
     "routine_schema name, routine_name name, routine_type varchar, module_catalog name, "
     "module_schema name, module_name name, udt_catalog name, udt_schema name, udt_name name, "
     "data_type varchar, character_maximum_length int4, character_octet_length int4, "
     "character_set_catalog name, character_set_schema name, character_set_name name, "
     "collation_catalog name, collation_schema name, collation_name name, numeric_precision "
     "int4, numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, "
     "interval_type varchar, interval_precision int4, type_udt_catalog name, type_udt_schema "
     "name, type_udt_name name, scope_catalog name, scope_schema name, scope_name name, "
     "maximum_cardinality int4, dtd_identifier name, routine_body varchar, routine_definition "
     "varchar, external_name varchar, external_language varchar, parameter_style varchar, "
     "is_deterministic varchar, sql_data_access varchar, is_null_call varchar, sql_path "
     "varchar, schema_level_routine varchar, max_dynamic_result_sets int4, "
     "is_user_defined_cast varchar, is_implicitly_invocable varchar, security_type varchar, "
     "to_sql_specific_catalog name, to_sql_specific_schema name, to_sql_specific_name name, "
     "as_locator varchar, created timestamptz, last_altered timestamptz, new_savepoint_level "
     "varchar, is_udt_dependent varchar, result_cast_from_data_type varchar, "
     "result_cast_as_locator varchar, result_cast_char_max_length int4, "
     "result_cast_char_octet_length int4, result_cast_char_set_catalog name, "
     "result_cast_char_set_schema name, result_cast_char_set_name name, "
     "result_cast_collation_catalog name, result_cast_collation_schema name, "
     "result_cast_collation_name name, result_cast_numeric_precision int4, "
     "result_cast_numeric_precision_radix int4, result_cast_numeric_scale int4, "
     "result_cast_datetime_precision int4, result_cast_interval_type varchar, "
     "result_cast_interval_precision int4, result_cast_type_udt_catalog name, "
     "result_cast_type_udt_schema name, result_cast_type_udt_name name, "
     "result_cast_scope_catalog name, result_cast_scope_schema name, result_cast_scope_name "
     "name, result_cast_maximum_cardinality int4, result_cast_dtd_identifier name"},
    {kInformationSchema, 13382, "schemata", 'v',
     "catalog_name name, schema_name name, schema_owner name, default_character_set_catalog "
     "name, default_character_set_schema name, default_character_set_name name, sql_path "
     "varchar"},
    {kInformationSchema, 13386, "sequences", 'v',
     "sequence_catalog name, sequence_schema name, sequence_name name, data_type varchar, "
     "numeric_precision int4, numeric_precision_radix int4, numeric_scale int4, start_value "
     "varchar, minimum_value varchar, maximum_value varchar, increment varchar, cycle_option "
     "varchar"},
    {kInformationSchema, 13411, "table_constraints", 'v',
     "constraint_catalog name, constraint_schema name, constraint_name name, table_catalog "
     "name, table_schema name, table_name name, constraint_type varchar, is_deferrable "
     "varchar, initially_deferred varchar, enforced varchar, nulls_distinct varchar"},
    {kInformationSchema, 13416, "table_privileges", 'v',
     "grantor name, grantee name, table_catalog name, table_schema name, table_name name, "
     "privilege_type varchar, is_grantable varchar, with_hierarchy varchar"},
    {kInformationSchema, 13425, "tables", 'v',
     "table_catalog name, table_schema name, table_name name, table_type varchar, "
     "self_referencing_column_name name, reference_generation varchar, "
     "user_defined_type_catalog name, user_defined_type_schema name, user_defined_type_name "
     "name, is_insertable_into varchar, is_typed varchar, commit_action varchar"},
    {kInformationSchema, 13440, "triggers", 'v',
     "trigger_catalog name, trigger_schema name, trigger_name name, event_manipulation "
     "varchar, event_object_catalog name, event_object_schema name, event_object_table name, "
     "action_order int4, action_condition varchar, action_statement varchar, "
     "action_orientation varchar, action_timing varchar, action_reference_old_table name, "
     "action_reference_new_table name, action_reference_old_row name, action_reference_new_row "
     "name, created timestamptz"},
    {kInformationSchema, 13483, "views", 'v',
     "table_catalog name, table_schema name, table_name name, view_definition varchar, "
     "check_option varchar, is_updatable varchar, is_insertable_into varchar, "
     "is_trigger_updatable varchar, is_trigger_deletable varchar, is_trigger_insertable_into "
     "varchar"},
};

}  // namespace

std::span<const SystemRelation> SystemRelations() { return kRelations; }

}  // namespace dashi::sql::pg_catalog
