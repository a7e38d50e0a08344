-- migrate:up
-- Every dropdown of the desk's manual, label by label and in its order.
-- Codes come from the labels (code_word), by the trigger on catalog_item.
set local search_path = gestor, pg_temp;

insert into catalog (id, code, name, levels) values
    (1, 'campaign', 'Campaña', '{Campaña}'),
    (2, 'sub_campaign', 'Sub Campaña', '{Sub Campaña}'),
    (3, 'retention_action', 'Acciones de Retención', '{Acción,Detalle,Detalle2}'),
    (4, 'final_state', 'Estado Final', '{Estado Final,Detalle Estado Final}'),
    (5, 'cancellation_reason', 'Diagnóstico',
        '{Motivo de Cancelación,Sub Motivo de Cancelación,Sub Motivo de Cancelación 1,Sub Motivo de Cancelación 2,Sub Motivo de Cancelación 3}'),
    (6, 'competitor_plan', 'CF Plan Competencia', '{CF Plan Competencia}'),
    (7, 'competitor_offer', 'Oferta Competencia', '{Oferta Competencia}'),
    (8, 'offer_channel', 'Medio Comunicación de la Oferta', '{Medio Comunicación de la Oferta}'),
    (9, 'operator', 'Operador', '{Operador}'),
    (10, 'advertising_acceptance', 'Aceptación Publicitaria', '{Aceptación Publicitaria}'),
    (11, 'stage', 'Etapa', '{Etapa,Detalle Etapa 1}'),
    (12, 'document_type', 'Tipo de Documento', '{Tipo de Documento}');

-- Adds the labels, in order, under the item whose code is `parent` (null: at the top).
create function pg_temp.add(catalog_code text, parent text, variadic labels text[]) returns void language sql as $$
    insert into gestor.catalog_item (catalog_id, parent_id, label)
    select c.id, p.id, l.label
      from gestor.catalog c
      left join gestor.catalog_item p on p.catalog_id = c.id and p.code = parent
     cross join unnest(labels) with ordinality l (label, n)
     where c.code = catalog_code and (parent is null or p.id is not null)
     order by l.n
$$;

select pg_temp.add('campaign', null, 'CONSULTA PREVIA PREPAGO', 'RETENCIÓN MÓVIL PREVENTIVA POSTPAGO');
select pg_temp.add('sub_campaign', null, 'ENTEL');

select pg_temp.add('retention_action', null, 'MIGRACIÓN POSTPAGO', 'MIGRACIÓN PREPAGADO/PREPAGO', 'BONO GB');
select pg_temp.add('retention_action', 'migracion-postpago',
    'MAX 29.90 - 30GB Y S/5 POR 6 MESES', 'MAX 39.90 - 30GB Y S/5 POR 6 MESES', 'MAX 49.90 - 50% POR 3 MESES',
    'MAX 55.90 - 50% POR 12 MESES', 'MAX ILIM 69.90 - 50% POR 12 MESES', 'MAX ILIM 79.90 - 50% POR 12 MESES',
    'Max 49.90 - 50% + 95 GB AV por 6 meses');
select pg_temp.add('retention_action', 'bono-gb', 'BONO 4 GB POR 12 MESES');

select pg_temp.add('final_state', null, 'ATENDIDO', 'NO ATENDIDO');

select pg_temp.add('cancellation_reason', null,
    'Calidad de la Venta', 'Problema con el Uso del servicio', 'Precio y Contenido');
select pg_temp.add('cancellation_reason', 'calidad-de-la-venta',
    'Le vendieron chip con nombre incorrecto', 'Me dijeron que era servicio postpago pero es prepago',
    'Incumplimiento del Ofrecimiento');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio',
    'Mi Equipo esta fallando', 'Problemas con el otro servicio', 'Problema de Cobertura');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio.problemas-con-el-otro-servicio',
    'Servicio corporativo movil', 'Servicio fijo', 'Servicio Postpago Movil');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio.problema-de-cobertura',
    'Internet', 'Internet + Llamadas', 'Llamadas', 'Mensajes');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio.problema-de-cobertura.internet',
    'Intermitencia en el servicio indoor', 'Intermitencia en el servicio outdoor', 'Lentitud en Internet indoor',
    'Lentitud en Internet outdoor', 'Sin señal indoor', 'Sin señal outdoor');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio.problema-de-cobertura.internet-llamadas',
    'Intermitencia en el servicio indoor', 'Intermitencia en el servicio outdoor', 'Sin señal indoor',
    'Sin señal outdoor');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio.problema-de-cobertura.llamadas',
    'Intermitencia en el servicio indoor', 'Intermitencia en el servicio outdoor', 'Sin señal indoor');
select pg_temp.add('cancellation_reason', 'problema-con-el-uso-del-servicio.problema-de-cobertura.mensajes',
    'Sin señal indoor', 'Sin señal outdoor');
-- One merged cell a block in the manual: it holds for every row of its block.
select pg_temp.add('cancellation_reason', i.code, 'Escalado por celdas AT', 'No escalado por Celdas AT')
  from catalog_item i join catalog c on c.id = i.catalog_id
 where c.code = 'cancellation_reason' and i.depth = 4
 order by i.id;
select pg_temp.add('cancellation_reason', 'precio-y-contenido', 'Contenido Prepago', 'Evaluaciones Crediticias');
-- The first two differ by one capital; both are in the manual.
select pg_temp.add('cancellation_reason', 'precio-y-contenido.contenido-prepago',
    'Bono prepago no entregado', 'Bono Prepago no entregado', 'La recarga me dura pocos dias',
    'No recibio bono por recargar', 'No recibio su recarga');
select pg_temp.add('cancellation_reason', 'precio-y-contenido.evaluaciones-crediticias',
    'Sin facilidades para migrar a postpago', 'Sin facilidades para migrar a postpago con Equipo');

select pg_temp.add('competitor_plan', null, 'NO INDICA', 'POSTPAGO 79.90', 'POSTPAGO 69.90', 'POSTPAGO 55.90',
    'POSTPAGO 49.90', 'POSTPAGO 39.90', 'POSTPAGO 29.90', 'OTRO PLAN POSTPAGO', 'PREPAGO');
select pg_temp.add('competitor_offer', null, 'NO INDICA', '50% X 12 MESES', '50% X 6 MESES', '50% X 3 MESES',
    'BONO GB', 'SIN DESCUENTO', 'CON EQUIPO Y DESCUENTO');
select pg_temp.add('offer_channel', null, 'TELEFONICO', 'PRESENCIAL', 'DIGITAL', 'NO INDICA');
select pg_temp.add('operator', null, 'NO INDICA', 'MOVISTAR', 'BITEL', 'ENTEL');
select pg_temp.add('advertising_acceptance', null, 'ACEPTO', 'NO ACEPTO');
select pg_temp.add('stage', null, 'RETENIDO', 'NO RETENIDO', 'EN PROCESO');

select pg_temp.add('document_type', null, 'DNI', 'CE', 'RUC', 'PASAPORTE');
update catalog_item i set sunat_code = v.sunat_code, operator_code = v.operator_code
  from (values ('dni', '1', null), ('ce', '4', null), ('ruc', '6', '4'), ('pasaporte', '7', null))
    v (code, sunat_code, operator_code)
 where i.catalog_id = 12 and i.code = v.code;

-- A first state to start from, whatever number of statements made it.
update catalog set revision = 1;
