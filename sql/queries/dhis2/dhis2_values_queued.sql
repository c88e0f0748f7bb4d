-- Values of data source $1 text that wait, after id $2 bigint, at most $3 bigint: id, the version of the row, and what DHIS2 is sent.
SELECT v.id, v.xmin::text::bigint AS version,
       jsonb_strip_nulls(jsonb_build_object('dataElement', v.data_element, 'period', v.period, 'orgUnit', v.org_unit,
                                            'categoryOptionCombo', v.category_option_combo, 'attributeOptionCombo', v.attribute_option_combo,
                                            'value', v.value, 'comment', v.comment)) AS value
  FROM registry.data_value v JOIN registry.data_source s ON s.id = v.data_source_id
 WHERE s.name = $1::text AND v.export_status = 'QUEUED' AND v.id > $2::bigint
 ORDER BY v.id LIMIT $3::bigint
